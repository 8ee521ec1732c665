import {
  type ConnectionRecord,
  type PlatformId,
  platformId,
  type UserId,
  type UserRow,
  type UserView,
} from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { parseFlows } from './flows.ts';
import type { Link } from './link.ts';
import type { FoundConnection, Mark } from './recent-connections.ts';
import { runReplicated } from './replicate.ts';
import { type Fields, parseDedupeRecord, parseRecord, parseUser } from './rows.ts';
import { asFields, asList, runScript } from './run-script.ts';
import { READ_USER } from './scripts.ts';

/** See `TokenStore.readConnection`. */
export const readConnection = async (
  { keys, read, recent }: Link,
  user: UserId,
  platform: PlatformId,
): Promise<FoundConnection> => {
  const known = recent.of(user, platform);
  const names = known?.names ?? { user: keys.user(user), record: keys.record(user, platform) };
  const answer = await read({ names, mark: known?.mark ?? null });
  if (known !== undefined && answer === UNCHANGED) return known.found;
  const [row, fields] = asList(answer).map(asFields);
  const found = { user: parseUser(row ?? []), record: parseRecord(fields ?? []) };
  refuseOrphans(found.user, found.record === null ? 0 : 1);
  return recent.keep(user, platform, { names, mark: markOf(row ?? [], fields ?? []), found });
};

/** What READ_CONNECTIONS answers for a connection that is as it was. */
const UNCHANGED = 1;

const markOf = (row: Fields, fields: Fields): Mark | null => {
  const [transition, version] = [row[TRANSITION]?.toString('latin1'), fields[VERSION]?.toString('latin1')];
  return transition === undefined || version === undefined ? null : { transition, version };
};

/** Where READ_CONNECTIONS answers them, in the user's row and in the record. */
const TRANSITION = 3;
const VERSION = 0;

/** See `TokenStore.readUser`. What is remembered will be answered from: where replicas are waited for, it is read when they have it. */
export const readUser = async (
  link: Link,
  user: UserId,
  platform: PlatformId | null,
  dedupeId: string | null,
  refusalId = '',
): Promise<UserView> => {
  const { redis, keys, persist, replicas } = link;
  const names = [keys.user(user), keys.dedupe(user, dedupeId ?? ''), keys.dedupe(user, refusalId)];
  const args = [keys.records(user), platform ?? ''];
  const answer = await persist(async () => {
    const [found] = await runScript(redis, READ_USER, names, args);
    return replicas !== null && remembers(found) ? runReplicated(link, READ_USER, names, args) : found;
  });
  const [time, row, dedupeRecord, records] = asList(answer);
  const view = {
    nowMicros: microsOf(time),
    user: parseUser(asFields(row)),
    connections: parseConnections(asList(records), platform === null),
    flows: parseFlows(asFields(row)[FLOWS] ?? null),
    dedupeRecord: parseDedupeRecord(asFields(dedupeRecord)),
  };
  refuseOrphans(view.user, view.connections.size);
  return view;
};

/** Where READ_USER answers a user's flows. */
const FLOWS = 4;

const remembers = (answer: unknown): boolean => asFields(asList(answer)[2]).some((field) => field !== null);

/** A record is sealed under its user's key: without the row it is nobody's. */
const refuseOrphans = (user: UserRow | null, records: number): void => {
  if (user === null && records > 0) throw new BrokenRow('user', 'there are records, and no row');
};

/** The platforms and records of the answer, by turns. Each that the user's row lists must be there. */
const parseConnections = (items: readonly unknown[], listed: boolean): Map<PlatformId, ConnectionRecord> => {
  const connections = new Map<PlatformId, ConnectionRecord>();
  for (let at = 0; at < items.length; at += 2) {
    const platform = platformId(String(items[at]));
    if (platform === null) throw new BrokenRow('user', 'a platform does not read');
    const record = parseRecord(asFields(items[at + 1]));
    if (record !== null) connections.set(platform, record);
    else if (listed) throw new BrokenRow('record', 'the user has it, and it is not there');
  }
  return connections;
};

/** TIME answers seconds and microseconds. Their sum stays below 2^53 until the year 2255. */
export const microsOf = (time: unknown): number => {
  const [seconds, micros] = asList(time).map(String);
  return Number(seconds) * 1_000_000 + Number(micros);
};
