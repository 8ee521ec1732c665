import {
  BrokenRow,
  type ConnectionRecord,
  type PlatformId,
  platformId,
  type UserId,
  type UserRow,
  type UserView,
} from '@vault-engine/vault';
import type { Link } from './link.ts';
import type { Fields } from './parse-fields.ts';
import { quarantineBrokenRow } from './quarantine.ts';
import type { FoundConnection, Mark } from './recent-connections.ts';
import { parseDedupeRecord, parseFlows, parseRecord, parseUser } from './rows.ts';
import { asFields, asList, runReplicated, runScript } from './run-script.ts';
import { READ_USER } from './scripts.ts';

/** See `TokenStore.readConnection`. */
export const readConnection = async (link: Link, user: UserId, platform: PlatformId): Promise<FoundConnection> => {
  const { keys, read, recent } = link;
  const known = recent.of(user, platform);
  const names = known?.names ?? { user: keys.user(user), record: keys.record(user, platform) };
  const reply = await read({ names, mark: known?.mark ?? null });
  if (known !== undefined && reply === UNCHANGED) return known.found;
  const [row, fields] = asList(reply).map(asFields);
  try {
    const found = { user: parseUser(row ?? []), record: parseRecord(fields ?? []) };
    refuseOrphans(found.user, found.record === null ? 0 : 1);
    return recent.keep(user, platform, { names, mark: markOf(row ?? [], fields ?? []), found });
  } catch (error) {
    throw await quarantineBrokenRow(link, user, platform, error);
  }
};

/** The item of READ_CONNECTIONS for a connection that still has its mark. */
const UNCHANGED = 1;

const markOf = (row: Fields, fields: Fields): Mark | null => {
  const [transition, version] = [row[TRANSITION]?.toString('latin1'), fields[VERSION]?.toString('latin1')];
  return transition === undefined || version === undefined ? null : { transition, version };
};

/** Their index in the fields that READ_CONNECTIONS returns of the user's row and of the record. */
const TRANSITION = 3;
const VERSION = 0;

/**
 * See `TokenStore.readUser`. A dedupe record becomes the reply of a command. With `waitReplicas`, the call therefore resolves only
 * when enough replicas have that record.
 */
export const readUser = async (
  link: Link,
  user: UserId,
  platform: PlatformId | null,
  dedupeId: string | null,
  refusalId = '',
): Promise<UserView> => {
  const { redis, keys, retry, replicas } = link;
  const names = [keys.user(user), keys.dedupe(user, dedupeId ?? ''), keys.dedupe(user, refusalId)];
  const args = [keys.records(user), platform ?? ''];
  const reply = await retry(async () => {
    const [found] = await runScript(redis, READ_USER, names, args);
    return replicas !== null && hasDedupeRecord(found) ? runReplicated(link, READ_USER, names, args) : found;
  });
  try {
    return viewOf(reply, platform === null);
  } catch (error) {
    throw await quarantineBrokenRow(link, user, platform, error);
  }
};

const viewOf = (reply: unknown, listed: boolean): UserView => {
  const [time, row, dedupeRecord, records] = asList(reply);
  const view = {
    nowMicros: microsOf(time),
    user: parseUser(asFields(row)),
    connections: parseConnections(asList(records), listed),
    flows: parseFlows(asFields(row)[FLOWS] ?? null),
    dedupeRecord: parseDedupeRecord(asFields(dedupeRecord)),
  };
  refuseOrphans(view.user, view.connections.size);
  return view;
};

/** Its index in the fields that READ_USER returns of the user's row. */
const FLOWS = 4;

const hasDedupeRecord = (reply: unknown): boolean => asFields(asList(reply)[2]).some((field) => field !== null);

/** A record is sealed under its user's key. Without the user's row it can't be opened. */
const refuseOrphans = (user: UserRow | null, records: number): void => {
  if (user === null && records > 0) throw new BrokenRow('user', 'there are records but no row');
};

/** Reads platform, record, platform, record, … Each platform that the user's row lists must have a record. */
const parseConnections = (items: readonly unknown[], listed: boolean): Map<PlatformId, ConnectionRecord> => {
  const connections = new Map<PlatformId, ConnectionRecord>();
  for (let at = 0; at < items.length; at += 2) {
    const platform = platformId(String(items[at]));
    if (platform === null) throw new BrokenRow('user', 'a platform id is invalid');
    const record = parseRecord(asFields(items[at + 1]));
    if (record !== null) connections.set(platform, record);
    else if (listed) throw new BrokenRow('record', 'the row lists a record that does not exist');
  }
  return connections;
};

/** The reply of TIME, seconds and microseconds, in microseconds. It stays below `LARGEST_INTEGER` until the year 2112. */
export const microsOf = (time: unknown): number => {
  const [seconds, micros] = asList(time).map(String);
  return Number(seconds) * 1_000_000 + Number(micros);
};

/** Keys in one step of SCAN, of all kinds: about a millisecond in which the server serves nothing else. */
const SCAN_COUNT = 1_000;

/**
 * See `TokenStore.users`. Its guarantee is that of SCAN: https://redis.io/docs/latest/commands/scan/#scan-guarantees. A cursor is
 * valid only on the server that returned it: after a failover in between, a user may be missing.
 */
export const readUsers = async function* (open: () => Link): AsyncGenerator<UserId, void> {
  let cursor = '0';
  do {
    const { redis, keys, retry } = open();
    const [next, found] = await retry(() => redis.scan(cursor, 'MATCH', keys.allUsers, 'COUNT', SCAN_COUNT));
    for (const key of found) {
      const user = keys.userOf(key);
      if (user !== null) yield user;
    }
    cursor = next;
  } while (cursor !== '0');
};
