import { randomUUID } from 'node:crypto';
import { type Attempts, countAttempts } from '@vault-engine/audit';
import { type EngineTable, followEngines } from '@vault-engine/engines';
import { errorLabel, every, type ServiceConfig, type ServiceContext } from '@vault-engine/runtime';
import type { Journal } from '@vault-engine/vault';

type Context = ServiceContext<ServiceConfig>;

/** What the engine table is read with. */
export type EngineTableParts = Pick<Parameters<typeof followEngines>[0], 'bus' | 'codec' | 'wrapper' | 'topic'>;

/**
 * Reads the engine table whole and follows it, as the part `engines`. Refused and waiting entries are logged. While the key
 * service or the registry is unavailable for an entry, the start waits, and the part's state has the reason.
 */
export const openEngineTable = async (
  { config, log, health, part, fatal }: Context,
  parts: EngineTableParts,
): Promise<EngineTable> => {
  let loaded = false;
  const onWaiting = (engine: string, error: Error): void => {
    // Each attempt calls this. The log has one line for each reason.
    const isNew = loaded || health.set('engines', { state: 'waiting', reason: errorLabel(error) });
    if (isNew) log.warn('engine table entry not readable yet', { engine, error });
  };
  const table = await part(
    'engines',
    () =>
      followEngines({
        ...parts,
        environment: config.environment,
        onFatal: fatal,
        onRefused: (engine, reason) => log.error('engine table entry refused', { engine, reason }),
        onWaiting,
      }),
    (open) => open.close(),
  );
  loaded = true;
  return table;
};

/** Unauthenticated attempts are audited this often, as one record for each engine and reason. */
const FLUSH_EVERY_MS = 60_000;

/** Counts unauthenticated attempts, and audits the counts once a minute and at the stop, as the part `attempts`. */
export const openAttempts = async (
  { log, part }: Context,
  journal: Pick<Journal, 'encodeAudit' | 'record'>,
): Promise<Attempts> => {
  const attempts = countAttempts({ journal, now: Date.now, uuid: randomUUID });
  await part(
    'attempts',
    () =>
      every(
        FLUSH_EVERY_MS,
        () => attempts.flush(),
        (error) => log.warn('background task failed', { part: 'attempts', error }),
      ),
    async (task) => {
      await task.stop();
      await attempts.flush();
    },
  );
  return attempts;
};
