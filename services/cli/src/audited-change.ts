import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { kafkaJournal } from '@vault-engine/audit';
import { createPublisher, PublishFailed } from '@vault-engine/bus';
import { openCodec, SchemaMissing, topicNames } from '@vault-engine/contracts';
import type { KafkaSettings } from '@vault-engine/runtime';
import { openBus } from './command-context.ts';
import { CliFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** The brokers and the registry of the audit log. */
export interface AuditSettings {
  readonly kafka: KafkaSettings;
  readonly registry: { readonly url: string };
}

/** An administrative change, as the audit log has it. */
export interface AuditedChange {
  /** The command, e.g. `engines.rotate`. */
  readonly action: string;
  /** The subject of the change, e.g. an engine; null if `user` says it. */
  readonly subject: string | null;
  readonly user?: string;
  readonly platform?: string;
}

/** Options of {@link audited}. */
interface AuditedOptions<T> {
  readonly terminal: Terminal;
  /** The reason in the record of the outcome; default: the subject. */
  readonly outcome?: (value: T) => string | null;
  /** The audit log of {@link withAuditLog}, for several changes; default: opened for this one. */
  readonly log?: AuditLog;
  /** The change may create the audit log itself: it also runs while the topic or the schema does not exist. */
  readonly createsAuditLog?: boolean;
}

/**
 * Runs a change between two audit records with one request id: `started` before it, `ok` or `failed` after it. Without the
 * first record nothing is changed.
 */
export const audited = async <T>(
  settings: AuditSettings,
  change: AuditedChange,
  { terminal, outcome, log: shared, createsAuditLog = false }: AuditedOptions<T>,
  run: () => Promise<T>,
): Promise<T> => {
  const entry = { ...change, requestId: randomUUID(), engine: operatorOf(settings.kafka) };
  if (shared !== undefined) await shared.record(entry, 'started', entry.subject);
  const log = shared === undefined ? await started(settings, entry, createsAuditLog) : { ...shared, close: noop };
  try {
    const value = await run();
    const reason = outcome?.(value) ?? change.subject;
    await recordOutcome(log ?? (await openLog(settings).catch(() => null)), entry, 'ok', reason, terminal);
    return value;
  } catch (error) {
    if (log !== null) await recordOutcome(log, entry, 'failed', change.subject, terminal);
    throw error;
  }
};

const noop = async (): Promise<void> => undefined;

/** Runs `use` with the audit log open, for several changes. */
export const withAuditLog = async (settings: AuditSettings, use: (log: AuditLog) => Promise<void>): Promise<void> => {
  const log = await openLog(settings);
  try {
    await use(log);
  } finally {
    await log.close();
  }
};

interface Entry extends AuditedChange {
  readonly requestId: string;
  readonly engine: string;
}

type Result = 'started' | 'ok' | 'failed';

/** The open audit log. */
export interface AuditLog {
  readonly record: (entry: Entry, result: Result, reason: string | null) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * The operator: the SASL principal, which the brokers have verified, as `cli:User:<name>`; else the user of the operating system,
 * which is only a claim, as `cli:claimed:<name>`.
 */
const operatorOf = ({ sasl }: KafkaSettings): string =>
  sasl === undefined ? `cli:claimed:${userInfo().username}` : `cli:User:${sasl.username}`;

/** Writes the record `started`. Null: there is no audit log yet, and the change may create it. */
const started = async (settings: AuditSettings, entry: Entry, createsAuditLog: boolean): Promise<AuditLog | null> => {
  let log: AuditLog | null = null;
  try {
    log = await openLog(settings);
    await log.record(entry, 'started', entry.subject);
    return log;
  } catch (error) {
    await log?.close();
    if (createsAuditLog && isMissingLog(error)) return null;
    throw error;
  }
};

/** A schema that is not registered, or a topic that does not exist. */
const isMissingLog = (error: unknown): boolean =>
  error instanceof SchemaMissing ||
  (error instanceof Error && error.cause instanceof PublishFailed && error.cause.reason === 'unknown_topic');

/** The change has happened or failed already: a lost outcome is a warning, and `started` stays in the log. */
const recordOutcome = async (
  log: AuditLog | null,
  entry: Entry,
  result: Result,
  reason: string | null,
  terminal: Terminal,
): Promise<void> => {
  try {
    if (log === null) terminal.note(`warning: ${entry.action} is not audited, because there is no audit log yet`);
    else await log.record(entry, result, reason);
  } catch {
    terminal.note(`warning: the audit log has no record of the result of ${entry.action}`);
  } finally {
    await log?.close();
  }
};

const openLog = async ({ kafka, registry }: AuditSettings): Promise<AuditLog> => {
  const codec = await openCodec({ registryUrl: registry.url, types: ['AuditRecord', 'ConnectionChanged'] });
  const publisher = createPublisher(openBus(kafka));
  const { auditLog, connectionEvents } = topicNames(kafka.topicPrefix);
  const journal = kafkaJournal({
    codec,
    auditTo: publisher,
    eventsTo: publisher,
    auditTopic: auditLog,
    eventsTopic: connectionEvents,
  });
  return {
    record: ({ action, requestId, engine, user, platform }, result, reason) =>
      journal.record(
        journal.encodeAudit({
          id: randomUUID(),
          requestId,
          userId: user ?? null,
          platform: platform ?? null,
          time: Date.now(),
          engine,
          keyId: null,
          action,
          result,
          reason,
          recordVersion: null,
          count: 1,
        }),
      ),
    close: () => publisher.close(),
  };
};

/** Prints a plan before it is carried out, on standard error. */
export const announcePlan = (terminal: Terminal, lines: readonly string[]): void => {
  if (lines.length === 0) return;
  terminal.note('changes:');
  for (const line of lines) terminal.note(`  ${line}`);
};

/** Asks before something is removed. Without a terminal, only `--yes` confirms. */
export const confirmRemoval = async (terminal: Terminal, what: string, yes: boolean | undefined): Promise<void> => {
  if (yes) return;
  const answer = await terminal.confirm(`${what} Continue? [y/N] `);
  if (answer === null) throw new CliFailure(`${what} Nothing was changed; pass --yes to confirm`);
  if (!answer) throw new CliFailure('cancelled; nothing was changed');
};
