/** What the environment says about a run of the fault tests. */
export interface FaultConfig {
  /** `VAULT_SEED`, or a new one for each run. */
  readonly seed: number;
  /** `VAULT_FULL=1`: the sizes that the design states, instead of short forms of them. */
  readonly full: boolean;
}

const seed = Number(process.env['VAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
if (!Number.isInteger(seed)) throw new Error('VAULT_SEED is not a whole number');

/** Read once for each test file. */
export const faultConfig: FaultConfig = { seed, full: process.env['VAULT_FULL'] === '1' };
