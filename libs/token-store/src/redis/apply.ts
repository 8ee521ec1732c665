import { type Applied, BrokenRow, type Change, type DedupeRecord, type UserId } from '@vault-engine/vault';
import { refuseImpossibleChange, refuseImpossibleDedupe } from '../impossible-change.ts';
import { shardOf } from './keys.ts';
import type { Link } from './link.ts';
import { type Fields, integerText } from './parse-fields.ts';
import { entryFields, pendingRef } from './pending.ts';
import { flowsText, parseDedupeRecord, recordFields } from './rows.ts';
import { asFields, runReplicated } from './run-script.ts';
import { APPLY, DEDUPE } from './scripts.ts';

type Argument = string | Buffer;

/**
 * See `TokenStore.apply`. An attempt whose reply is lost may have been applied. The next attempt sets `again`, and the script
 * recognises its own change by the transition's id: it replies `applied` with the first attempt's `pending`. So within one
 * call `remembered` and `conflict` always mean another caller's change.
 *
 * One exception: the change has no dedupe record, its reply is lost, and another change of the same user comes in between.
 * The call then resolves to `conflict`, although the change is applied. Its transition is drained from `pending`.
 */
export const apply = async (link: Link, change: Change): Promise<Applied> => {
  refuseImpossibleChange(change);
  const packed = packChange(change);
  return appliedOf(change, await link.retry((again) => applyOnce(link, change, packed, again)));
};

const applyOnce = async (link: Link, change: Change, packed: readonly Argument[], again: boolean): Promise<unknown> => {
  const removed = change.forget ? await platformsOf(link, change.user) : change.remove;
  const names = namesOf(link, change, removed);
  return runReplicated(link, APPLY, names, [again ? '1' : '', ...listOf(removed), ...packed]);
};

/**
 * The platforms of a user who is forgotten, because the script must declare the keys that it deletes. If they change before
 * the script runs, the revision changes too, and the script replies `conflict`.
 */
const platformsOf = async ({ redis, keys }: Link, user: UserId): Promise<readonly string[]> => {
  const listed = await redis.hget(keys.user(user), 'platforms');
  return (listed ?? '').split(',').filter((name) => name !== '');
};

/** The script's KEYS. */
const namesOf = ({ keys }: Link, change: Change, removed: readonly string[]): readonly string[] => {
  const { user, put, dedupe } = change;
  const shard = shardOf(user);
  return [
    keys.user(user),
    keys.due(shard),
    keys.pending(shard),
    keys.dedupe(user, dedupe?.id ?? ''),
    ...(put === null ? [] : [keys.record(user, put.platform)]),
    ...removed.map((platform) => keys.records(user) + platform),
  ];
};

/** The script's ARGV after `again` and the list of removed platforms, in the order in which the script takes them. */
const packChange = (change: Change): readonly Argument[] => [
  change.user,
  change.transition.id,
  change.forget ? '1' : '',
  change.expectedRevision === null ? '' : integerText(change.expectedRevision),
  integerText(change.revision),
  change.dataKey?.kid ?? '',
  change.dataKey?.wrapped ?? '',
  change.leaseOwner ?? '',
  ...listOf(putFields(change.put)),
  ...listOf(flowFields(change.flows)),
  ...listOf(dedupeFields(change.dedupe)),
  ...listOf(entryFields(change.transition)),
];

const listOf = (items: readonly Argument[]): readonly Argument[] => [String(items.length), ...items];

const putFields = (put: Change['put']): readonly Argument[] =>
  put === null ? [] : [put.platform, put.dueAt === null ? '' : integerText(put.dueAt), ...recordFields(put.record)];

const flowFields = (flows: Change['flows']): readonly Argument[] =>
  flows === null
    ? []
    : [flows.length === 0 ? '' : integerText(Math.min(...flows.map(({ expiresAt }) => expiresAt))), flowsText(flows)];

const dedupeFields = (dedupe: Change['dedupe']): readonly Argument[] =>
  dedupe === null ? [] : [integerText(dedupe.keepMs), dedupe.mac, dedupe.outcome];

const appliedOf = (change: Change, reply: unknown): Applied => {
  const [kind, ...rest] = asFields(reply);
  switch (kind?.toString()) {
    case 'applied':
      return { kind: 'applied', pending: pendingRef(shardOf(change.user), String(rest[0])) };
    case 'conflict':
      return { kind: 'conflict' };
    case 'remembered':
      return { kind: 'remembered', dedupeRecord: existingDedupeRecord(rest) };
    default:
      throw new TypeError('the script replied with an unknown kind');
  }
};

/** See `TokenStore.dedupe`. */
export const dedupe = async (
  link: Link,
  user: UserId,
  entry: DedupeRecord & { readonly id: string; readonly keepMs: number },
): Promise<DedupeRecord> => {
  refuseImpossibleDedupe(entry);
  const { id, mac, outcome, keepMs } = entry;
  const args = [mac, outcome, integerText(keepMs)];
  const names = [link.keys.dedupe(user, id)];
  return existingDedupeRecord(asFields(await link.retry(() => runReplicated(link, DEDUPE, names, args))));
};

const existingDedupeRecord = (fields: Fields): DedupeRecord => {
  const dedupeRecord = parseDedupeRecord(fields);
  if (dedupeRecord === null) throw new BrokenRow('dedupe', 'the script replied without one');
  return dedupeRecord;
};
