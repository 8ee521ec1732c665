import type { Applied, Change, UserId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { refuseImpossibleChange } from '../impossible-change.ts';
import { flowsText } from './flows.ts';
import { shardOf } from './keys.ts';
import type { Link } from './link.ts';
import { entryFields, pendingRef } from './pending.ts';
import { runReplicated } from './replicate.ts';
import { integerText, parseDedupeRecord, recordFields } from './rows.ts';
import { asFields } from './run-script.ts';
import { APPLY } from './scripts.ts';

type Argument = string | Buffer;

/**
 * See `TokenStore.apply`. An attempt whose answer got lost may have been applied. The attempt after it says so to the
 * script, which then recognises the change by its transition's id and answers `applied` with the first attempt's
 * `pending`; so within one call `remembered` and `conflict` always speak of somebody else's change.
 *
 * One case is left: a change that remembers nothing was applied, its answer got lost, and another change of the same user
 * came in between. That is a `conflict`, as if it had come too late, and its transition is drained from `pending`.
 */
export const apply = async (link: Link, change: Change): Promise<Applied> => {
  refuseImpossibleChange(change);
  const packed = packChange(change);
  return appliedOf(change, await link.persist((again) => applyOnce(link, change, packed, again)));
};

const applyOnce = async (link: Link, change: Change, packed: readonly Argument[], again: boolean): Promise<unknown> => {
  const removed = change.forget ? await platformsOf(link, change.user) : change.remove;
  const names = namesOf(link, change, removed);
  return runReplicated(link, APPLY, names, [again ? '1' : '', ...listOf(removed), ...packed]);
};

/**
 * The connections that a forgotten user has, so that the script's keys can all be declared. Where they change before the
 * script runs, the revision has changed too.
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

/** The script's ARGV behind `again` and the list of removed platforms, in the order in which it takes them. */
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

const appliedOf = (change: Change, answer: unknown): Applied => {
  const [kind, ...rest] = asFields(answer);
  switch (kind?.toString()) {
    case 'applied':
      return { kind: 'applied', pending: pendingRef(shardOf(change.user), String(rest[0])) };
    case 'conflict':
      return { kind: 'conflict' };
    case 'remembered': {
      const dedupeRecord = parseDedupeRecord(rest);
      if (dedupeRecord === null) throw new BrokenRow('dedupe', 'it is not there');
      return { kind: 'remembered', dedupeRecord };
    }
    default:
      throw new TypeError('the script answers a kind that it does not have');
  }
};
