import type { VaultClient } from '@vault-engine/client';
import type { RunningService } from '@vault-engine/local';
import { openVault, type TestVault, type TestVaultOptions } from '../flow/open-vault.ts';
import { checkInvariant } from './check-invariant.ts';
import type { Checked, Run } from './find-breaches.ts';
import { seededRandom } from './seeded-random.ts';
import { type Account, type Callers, startTraffic, type Traffic, type TrafficPlan } from './traffic.ts';
import { watchCommits } from './watch-commits.ts';
import { workerGroup } from './worker-group.ts';

/** A vault of one worker and one projector, and what its faults are tested with. */
export interface FaultVault {
  readonly vault: TestVault;
  readonly callers: Readonly<Record<'writer' | 'reader', VaultClient>>;
  /** All that were started, in their order. */
  readonly workers: () => readonly RunningService[];
  /** The worker that was started last. */
  readonly worker: () => RunningService;
  /** Starts another worker; resolves when it is ready. */
  readonly startWorker: (env?: Readonly<Record<string, string>>) => Promise<RunningService>;
  /** Traffic under a fault, and the invariant afterwards. Says its seed. */
  readonly prove: (trial: Trial) => Promise<{ readonly account: Account; readonly checked: Checked }>;
  readonly close: () => Promise<void>;
}

/** What happens while there is traffic. */
export interface Trial extends Omit<TrafficPlan, 'random'>, Pick<Run, 'mayStayUnanswered'> {
  /** Who asks instead of the vault's own callers. */
  readonly callers?: Callers;
  /** The fault. When it resolves, endless traffic ends; other traffic goes on until its last step. */
  readonly during: (traffic: Traffic, random: TrafficPlan['random']) => Promise<unknown>;
}

/** How one is opened, beside what every vault can have otherwise. */
export interface FaultVaultOptions extends Omit<TestVaultOptions, 'services'> {
  /** For each request of the callers. */
  readonly timeoutMs: number;
}

/** The least that a broker of its own settings lets a session be, so that a killed worker is soon replaced. */
const IMPATIENT = {
  VAULT_WORKER_SESSION_MS: '6000',
  VAULT_WORKER_DRAIN_AFTER_MS: '2000',
  VAULT_PROJECTOR_SESSION_MS: '6000',
};
/** The projector is there because what it shows is part of what has to hold after a fault. */
const SERVICES = ['command-worker', 'status-projector'];

/** Opens a vault with one worker and one projector. */
export const openFaultVault = async ({ timeoutMs, env, ...options }: FaultVaultOptions): Promise<FaultVault> => {
  const vault = await openVault({ ...options, env: { ...IMPATIENT, ...env }, services: SERVICES });
  const callers = { writer: await vault.client('action', timeoutMs), reader: await vault.client('sync', timeoutMs) };
  const workers = [serviceOf(vault.running.services, 'command-worker')];
  return {
    vault,
    callers,
    workers: () => workers,
    worker: () => workers.at(-1) ?? serviceOf(vault.running.services, 'command-worker'),
    startWorker: async (more) => {
      const name = `command-worker-${workers.length + 1}`;
      const started = serviceOf((await vault.start(name, 'command-worker', more)).services, name);
      workers.push(started);
      return started;
    },
    prove: (trial) => prove(vault, { callers, ...trial }),
    close: vault.close,
  };
};

const prove = async (
  vault: TestVault,
  { callers, during, mayStayUnanswered, ...plan }: Trial & { readonly callers: Callers },
) => {
  const random = seededRandom(plan.name);
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const traffic = startTraffic(callers, { ...plan, random });
  await during(traffic, random);
  const account = await (plan.stepsPerUser === Number.POSITIVE_INFINITY ? traffic.stop() : traffic.done);
  const samples = await commits.stop();
  return { account, checked: await checkInvariant(vault, { account, callers, samples, mayStayUnanswered }) };
};

const serviceOf = (services: ReadonlyMap<string, RunningService>, name: string): RunningService => {
  const service = services.get(name);
  if (service === undefined) throw new Error(`${name} does not run`);
  return service;
};
