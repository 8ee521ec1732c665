import type { Outgoing, Publisher } from '@vault-engine/bus';
import { COMMAND_NAMES, isCommandName } from '@vault-engine/contracts';
import { beginAtZero, type LogFields, limitLines, type ServiceContext } from '@vault-engine/runtime';
import { ERRORS, isErrorCode } from '@vault-engine/vault';
import { Counter, Histogram } from 'prom-client';
import type { Delivery } from './deliver-reply.ts';
import type { Served, UnauthenticatedRecord } from './serve-command.ts';

/** The label of every command type that does not exist: an engine may sign any name, and each would be a series of its own. */
const OTHER = 'other';

const ACTIONS = [...COMMAND_NAMES, OTHER];
const RESULTS = ['ok', ...Object.keys(ERRORS)];
const UNDELIVERED: readonly Delivery[] = ['undeliverable', 'expired', 'dropped'];

/**
 * Logs and measures how each command ended: request id, engine, platform, action and result, no other value of the command.
 * Executed commands are logged at level `debug`, because the audit log has all of them; refusals once at `info`, failures of
 * the vault's own or of a part (HTTP 5xx) at `warn`, at most 20 lines a second for each engine.
 *
 * Every engine of the table has all its series from the first scrape on: 7 actions × 16 results. `engines` is asked at each
 * scrape.
 */
export const observe = (
  { log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>,
  engines: () => readonly string[],
  now: () => number,
): ((served: Served) => void) => {
  const mayLog = limitLines(now);
  const logRefusal = (fields: LogFields & { readonly engine: string; readonly result: string }): void => {
    const leftOut = mayLog(fields.engine);
    if (leftOut === null) return;
    const counted = leftOut === 0 ? fields : { ...fields, count: leftOut };
    if (isRefusal(fields.result)) log.info('command refused', counted);
    else log.warn('command failed', counted);
  };
  const begun = new Set<string>();
  const beginSeries = (): void => {
    const added = engines().filter((engine) => !begun.has(engine));
    beginAtZero(commands, { engine: added, action: ACTIONS, result: RESULTS });
    beginAtZero(undelivered, { engine: added, reason: UNDELIVERED });
    beginAtZero(misplaced, { engine: added });
    for (const engine of added) begun.add(engine);
  };
  const commands: Counter<'engine' | 'action' | 'result'> = new Counter({
    name: 'vault_commands_total',
    help: 'Commands that were answered, by engine, action and result',
    labelNames: ['engine', 'action', 'result'],
    registers: [metrics],
    collect: beginSeries,
  });
  const undelivered: Counter<'engine' | 'reason'> = new Counter({
    name: 'vault_replies_undelivered_total',
    help: 'Replies that were not acknowledged, by engine and reason',
    labelNames: ['engine', 'reason'],
    registers: [metrics],
    collect: beginSeries,
  });
  const misplaced: Counter<'engine'> = new Counter({
    name: 'vault_commands_misplaced_total',
    help: 'Commands that were refused because they are on another partition than that of their key, by engine',
    labelNames: ['engine'],
    registers: [metrics],
    collect: beginSeries,
  });
  const durations = new Histogram({
    name: 'vault_command_duration_seconds',
    help: "From the broker's append of a command to the acknowledgement of its reply",
    labelNames: ['action'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [metrics],
  });
  for (const action of ACTIONS) durations.zero({ action });
  return ({ requestId, traceId, engine, action, subject, result, reason, reply, durationMs, error }) => {
    const label = isCommandName(action) ? action : OTHER;
    commands.inc({ engine, action: label, result });
    if (reason === 'wrong_partition') misplaced.inc({ engine });
    durations.observe({ action: label }, Math.max(0, durationMs) / 1_000);
    if (reply !== 'sent') undelivered.inc({ engine, reason: reply });
    const fields = {
      requestId,
      ...(traceId === null ? {} : { traceId }),
      engine,
      action,
      platform: subject.platform,
      result,
      reason,
      state: reply,
      durationMs,
    };
    if (error !== undefined) log.error('command failed unexpectedly', { ...fields, error });
    else if (reply !== 'sent') log.warn('reply undeliverable', fields);
    else if (result === 'ok') log.debug('command answered', fields);
    else logRefusal(fields);
  };
};

/** Whether a refusal is the caller's to mend; otherwise a part failed. */
const isRefusal = (result: string): boolean => isErrorCode(result) && ERRORS[result].http < 500;

/** Reasons that unauthenticated records are counted by. */
const UNAUTHENTICATED: Readonly<Record<UnauthenticatedRecord['counted'], true>> = {
  malformed: true,
  unknown_engine: true,
  unknown_key: true,
  key_not_usable: true,
  wrong_mac: true,
};

/** The label of records that claim no engine of the table. */
const UNKNOWN_ENGINE = 'unknown';

/**
 * Counts records that are not authenticated, by the claimed engine and reason, and publishes a few samples of them. Counts
 * of engines begin at 0 at the first scrape.
 */
export const observeUnauthenticated = (
  { log, metrics }: Pick<ServiceContext<unknown>, 'log' | 'metrics'>,
  engines: () => readonly string[],
  sample: (record: UnauthenticatedRecord['record'], reason: string) => Outgoing | null,
  deadLetters: Pick<Publisher, 'send'>,
): ((refused: UnauthenticatedRecord) => void) => {
  const begun = new Set<string>();
  const counted: Counter<'engine' | 'reason'> = new Counter({
    name: 'vault_unauthenticated_total',
    help: 'Records on the commands topic that were not authenticated, by claimed engine and reason',
    labelNames: ['engine', 'reason'],
    registers: [metrics],
    collect: () => {
      const added = [UNKNOWN_ENGINE, ...engines()].filter((engine) => !begun.has(engine));
      beginAtZero(counted, { engine: added, reason: Object.keys(UNAUTHENTICATED) });
      for (const engine of added) begun.add(engine);
    },
  });
  return ({ record, engine, counted: reason, reason: detail }) => {
    counted.inc({ engine: engine ?? UNKNOWN_ENGINE, reason });
    const message = sample(record, detail);
    if (message === null) return;
    const { partition, offset } = record;
    log.warn('unauthenticated record sampled', { engine, partition, offset: String(offset), reason: detail });
    deadLetters.send(message).catch((error: unknown) => log.warn('sample not published', { reason: detail, error }));
  };
};
