import type { Secret } from '@vault-engine/crypto';
import type { Vault } from '../call.ts';
import { nextVersion } from '../change.ts';
import { PortUnavailable } from '../ports.ts';
import type { RenewedCredentials } from '../providers.ts';
import { type Concluded, type Conclusion, conclude } from './conclude.ts';
import type { KeptLease } from './keep-lease.ts';
import type { RenewalTiming } from './renew-connection.ts';
import { renewedRecord } from './renewed-record.ts';
import type { RenewalRequest } from './renewer.ts';

const AGAIN_MS = 250;

/**
 * Writes credentials that the provider has issued. They may be the only ones that it takes by now: so this goes on, through
 * outages of the store and the key service and past other holders of the lease, until they are written or the connection
 * has others.
 */
export const persistRenewed = async (
  vault: Vault,
  timing: RenewalTiming,
  request: RenewalRequest,
  { lease, outcome, refresh }: { lease: KeptLease; outcome: RenewedCredentials; refresh: Secret },
): Promise<Concluded> => {
  const conclusion = conclusionOf(vault, request, outcome, refresh);
  let { owner } = lease.of;
  for (;;) {
    const concluded = await unlessOut(conclude(vault, owner, conclusion));
    if (concluded !== null && concluded.kind !== 'lost') {
      outcome.access.wipe();
      outcome.refresh?.wipe();
      return concluded;
    }
    if (concluded?.kind === 'lost') owner = (await takeAgain(vault, timing, request)) ?? owner;
    await timing.sleep(AGAIN_MS);
  }
};

const conclusionOf = (
  vault: Vault,
  { user, platform, actor, tokenVersion }: RenewalRequest,
  outcome: RenewedCredentials,
  refresh: Secret,
): Conclusion => ({
  name: { user, platform },
  actor,
  tokenVersion,
  action: 'RefreshToken',
  result: 'ok',
  reason: null,
  after: async (record, row, { nowMicros }) =>
    renewedRecord(record, outcome, {
      key: await vault.keys.keyOf(user, row.dataKey),
      name: { user, platform },
      version: nextVersion(record.version, nowMicros),
      now: vault.now(),
      refresh,
    }),
});

/** The lease of another who came after us, once it lapses: what we hold is newer than what that one can spend. */
const takeAgain = async (
  vault: Vault,
  { leaseMs }: RenewalTiming,
  { user, platform, tokenVersion }: RenewalRequest,
): Promise<string | null> => {
  const owner = vault.uuid();
  const claimed = await unlessOut(vault.store.claim({ user, platform, owner, tokenVersion, ttlMs: leaseMs }));
  return claimed?.kind === 'claimed' ? owner : null;
};

/** Null where a part is out. */
const unlessOut = async <T>(work: Promise<T>): Promise<T | null> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PortUnavailable) return null;
    throw error;
  }
};
