import { type BusRecord, offsetsAt, readTopic } from '@vault-engine/bus';
import { type AuditRecord, isRecord, openCodec, topicNames } from '@vault-engine/contracts';
import type { Command } from 'commander';
import { type CommandContext, openBus } from './command-context.ts';
import type { DeadLettersConfig } from './config.ts';
import { CliFailure, EXIT } from './failure.ts';
import { pastTime, wholeNumber } from './parse-arguments.ts';
import { json } from './terminal.ts';

/** Filters of `audit list`, as typed. */
export interface AuditFilter {
  readonly user?: string;
  readonly engine?: string;
  readonly platform?: string;
  readonly action?: string;
  readonly result?: string;
}

interface ListOptions extends AuditFilter {
  readonly since: string;
  readonly until?: string;
  readonly limit: string;
  readonly json?: boolean;
}

interface ShowOptions {
  readonly since: string;
  readonly json?: boolean;
}

/** `audit list` and `audit show`: the records of the audit log. */
export const addAudit = (program: Command, context: CommandContext): void => {
  const audit = program.command('audit').description('who did what, from the audit log');
  audit
    .command('list')
    .description('list audit records, oldest first')
    .option('--user <user>', 'of this user')
    .option('--engine <engine>', 'of this engine or service')
    .option('--platform <platform>', 'of this platform')
    .option('--action <action>', 'for example GetToken or engines.rotate')
    .option('--result <result>', 'ok, started or an error code')
    .option('--since <time>', 'a duration such as 30m, 12h or 7d, Unix seconds, or ISO 8601', '1h')
    .option('--until <time>', 'like --since; default: now')
    .option('--limit <count>', 'print at most so many records, the latest ones', '200')
    .option('--json', 'print JSON')
    .action((options: ListOptions) => list(context, options));
  audit
    .command('show')
    .description('print the records of one request')
    .argument('<request-id>', 'the X-Command-ID of a REST answer, or the requestId of an error or log line')
    .option('--since <time>', 'how far to look back', '24h')
    .option('--json', 'print JSON')
    .action((requestId: string, options: ShowOptions) => show(context, requestId, options));
};

const list = async ({ terminal, config }: CommandContext, options: ListOptions): Promise<void> => {
  const now = new Date();
  const range = {
    since: pastTime('--since', options.since, now),
    until: options.until === undefined ? now : pastTime('--until', options.until, now),
  };
  const limit = wholeNumber('--limit', options.limit, 1, 1_000_000);
  const found: AuditRecord[] = [];
  let dropped = 0;
  for await (const record of readAudit(config.deadLetters(), range)) {
    if (!matches(record, options)) continue;
    found.push(record);
    // Partitions interleave, so a few more are kept than are printed.
    if (found.length > 2 * limit) dropped += keepLatest(found, limit);
  }
  dropped += keepLatest(found, limit);
  if (options.json) terminal.out(json(found.map(auditFacts)));
  else if (found.length === 0) terminal.out('no audit records');
  else for (const line of auditTable(found)) terminal.out(line);
  if (dropped > 0) terminal.note(`${dropped} earlier records not printed; raise --limit, or narrow the filters`);
};

const show = async ({ terminal, config }: CommandContext, requestId: string, options: ShowOptions): Promise<void> => {
  if (!UUID.test(requestId))
    throw new CliFailure('invalid request id: use the UUID of X-Command-ID or of a log line', EXIT.usage);
  const now = new Date();
  const range = { since: pastTime('--since', options.since, now), until: now };
  const found: AuditRecord[] = [];
  for await (const record of readAudit(config.deadLetters(), range))
    if (record.request_id === requestId.toLowerCase()) found.push(record);
  keepLatest(found, found.length);
  if (found.length === 0)
    throw new CliFailure(
      `no audit record of this request since ${range.since.toISOString()}; look back further with --since`,
    );
  if (options.json) terminal.out(json(found.map(auditFacts)));
  else for (const record of found) for (const line of recordLines(record)) terminal.out(line);
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Sorts by time and drops all but the last `limit`. Returns the number of dropped records. */
const keepLatest = (records: AuditRecord[], limit: number): number => {
  records.sort((a, b) => a.time - b.time);
  return records.splice(0, Math.max(0, records.length - limit)).length;
};

/** The clocks of the writers may be ahead of the brokers' clock by this much. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The records whose time lies in the range, without repetitions. A record is appended after its time, so reading starts at the
 * first offset of `since` by the brokers' clock. It ends with the topic: a record may be appended some time after it was made.
 */
async function* readAudit(
  { kafka, registry }: DeadLettersConfig,
  { since, until }: { readonly since: Date; readonly until: Date },
): AsyncGenerator<AuditRecord> {
  const codec = await openCodec({ registryUrl: registry.url });
  const bus = openBus(kafka);
  const topic = topicNames(kafka.topicPrefix).auditLog;
  const from = await offsetsAt(bus, topic, since.getTime() - CLOCK_SKEW_MS);
  const seen = new Set<string>();
  for await (const record of readTopic(bus, topic, { from })) {
    const decoded = await decode(codec, record);
    if (decoded === null || decoded.time < since.getTime() || decoded.time > until.getTime()) continue;
    if (seen.has(decoded.record_id)) continue;
    seen.add(decoded.record_id);
    yield decoded;
  }
}

const decode = async (
  codec: Pick<Awaited<ReturnType<typeof openCodec>>, 'decode'>,
  { value }: BusRecord,
): Promise<AuditRecord | null> => {
  const decoded = await codec.decode(value);
  return isRecord(decoded, 'AuditRecord') ? decoded.value : null;
};

/** Whether a record passes all given filters. */
export const matches = (record: AuditRecord, { user, engine, platform, action, result }: AuditFilter): boolean =>
  (user === undefined || record.user_id === user) &&
  (engine === undefined || record.engine === engine) &&
  (platform === undefined || record.platform === platform) &&
  (action === undefined || record.action === action) &&
  (result === undefined || record.result === result);

/** A record as JSON, with its time in ISO 8601. */
const auditFacts = (record: AuditRecord) => ({ ...record, time: new Date(record.time).toISOString() });

const COLUMNS = ['time', 'engine', 'action', 'result', 'user', 'platform', 'request', 'reason'] as const;

/** The records as a table with a header. A column is as wide as its widest cell. */
export const auditTable = (records: readonly AuditRecord[]): readonly string[] => {
  const rows = [COLUMNS.map((name) => name.toUpperCase()), ...records.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

const cellsOf = (record: AuditRecord): readonly string[] => [
  new Date(record.time).toISOString(),
  record.engine,
  record.action,
  record.count > 1 ? `${record.result} ×${record.count}` : record.result,
  record.user_id ?? '-',
  record.platform ?? '-',
  record.request_id ?? '-',
  record.reason ?? '',
];

const recordLines = (record: AuditRecord): readonly string[] => [
  `${new Date(record.time).toISOString()}  ${record.action}: ${record.result}${record.reason === null ? '' : ` (${record.reason})`}`,
  `  engine    ${record.engine}${record.key_id === null ? '' : `, key ${record.key_id}`}`,
  `  user      ${record.user_id ?? '-'}`,
  `  platform  ${record.platform ?? '-'}`,
  `  version   ${record.record_version ?? '-'}`,
  `  record    ${record.record_id}`,
];
