import { committedOffsets, watermarks } from '@vault-engine/bus';
import { openRedisStore } from '@vault-engine/token-store';
import type { TestVault } from '../flow/open-vault.ts';
import { expiredReplies } from './expired-replies.ts';
import { holdsWithin } from './holds-within.ts';
import { type Change, predict, UNKNOWN_USER } from './predict.ts';
import { type AuditSeen, type CommandSeen, type Evidence, groupBy, readEvidence } from './read-evidence.ts';
import type { Account, Callers, Seen } from './traffic.ts';
import type { CommitSample } from './watch-commits.ts';
import { workerGroup } from './worker-group.ts';

/** What a run has left behind, beside its topics. */
export interface Run {
  readonly account: Account;
  /** To ask for the final state. */
  readonly callers: Callers;
  readonly samples: readonly CommitSample[];
  /** Commands that nobody is answered, for a reason that the test states. */
  readonly mayStayUnanswered?: ((command: CommandSeen) => boolean) | undefined;
  /** Unix milliseconds; what the brokers appended before is not looked at. All where nothing is said. */
  readonly since?: number | undefined;
}

/** What there was to check, so that a test can tell that its fault took place. */
export interface Checked {
  readonly commands: number;
  readonly effects: number;
  /** Requests with more than one reply: executed or answered more than once. */
  readonly answeredAgain: number;
  /** Mutations that were answered from their dedupe record. */
  readonly recalled: number;
  /** Attempts of callers that ended in a retryable error. */
  readonly errors: number;
}

/** What came out of a check. */
export interface Findings {
  /** Each place where the invariant does not hold, in words. */
  readonly breaches: readonly string[];
  readonly checked: Checked;
}

/** A transition waits 10 s before another than its maker writes it, and is looked for every 5 s. */
const DRAINED_WITHIN_MS = 25_000;
const COMMITTED_WITHIN_MS = 15_000;

/**
 * Checks, after any fault, what has to hold:
 * 1. every caller got an answer, and the one that all answers before it imply; the final state is the last acknowledged;
 * 2. every change has one effect: as many events as changes, in their order, and one audit record each;
 * 3. every command has a reply, or the worker's log says that its reply expired, or the test states a reason for none;
 * 4. every answer has an audit record, written before it;
 * 5. the group never committed beyond a command that was not answered yet, and at last commits all.
 */
export const findBreaches = async (vault: TestVault, run: Run): Promise<Findings> => {
  const lost = await whatIsLost(run);
  const unfinished = [...(await neverDrained(vault)), ...(await neverCommitted(vault))];
  const evidence = await readEvidence(vault, run.since);
  const { mayStayUnanswered = () => false } = run;
  const expired = await expiredReplies(vault.logDir);
  const commands = evidence.commands.filter(
    (command) =>
      !mayStayUnanswered(command) && (evidence.replies.has(command.requestId) || !expired.has(command.requestId)),
  );
  const due = { ...evidence, commands };
  const breaches = [
    ...wrongAnswers(run.account),
    ...lost,
    ...unfinished,
    ...wrongEffects(run.account, evidence),
    ...unanswered(due),
    ...unaudited(evidence),
    ...wrongCommits(due, run.samples),
  ];
  return { breaches, checked: checkedOf(run.account, evidence) };
};

const wrongAnswers = ({ seen }: Account): readonly string[] =>
  seen
    .filter(({ answer, expected }) => answer !== expected)
    .map(({ step, answer, expected, errors }) => {
      const after = errors.length === 0 ? '' : ` after ${errors.join()}`;
      return `${step.idempotencyKey}: ${step.kind} ${step.platform} answers ${answer}${after} and not ${expected}`;
    });

/** Asks the vault itself: each user's tokens are those that were acknowledged last. */
const whatIsLost = async ({ account, callers: { reader } }: Run): Promise<readonly string[]> => {
  const lost = [...account.users].map(async ([userId, { tokens }]) => {
    const { platforms } = await reader.getStatus({ userId });
    const connected = platforms.filter(({ status }) => status === 'CONNECTED').map(({ platform }) => platform);
    const read = connected.map(async (platform) => {
      const { accessToken } = await reader.getToken({ userId, platform });
      return `${platform}=${accessToken}`;
    });
    const is = (await Promise.all(read)).sort().join();
    const acknowledged = [...tokens].map(([platform, token]) => `${platform}=${token}`);
    const due = acknowledged.sort().join();
    return is === due ? [] : [`${userId}: the vault has ${is} and acknowledged ${due}`];
  });
  return (await Promise.all(lost)).flat();
};

/** Nothing is pending for ever: what a crash left is written by somebody else. */
const neverDrained = async ({ place }: TestVault): Promise<readonly string[]> => {
  const store = await openRedisStore({ url: place.redisUrl, keyPrefix: place.keyPrefix, requireDurable: false });
  try {
    const drained = await holdsWithin(DRAINED_WITHIN_MS, async () => (await store.pending(0, 1)).length === 0);
    return drained ? [] : ['a transition stays pending'];
  } finally {
    await store.close();
  }
};

const neverCommitted = async (vault: TestVault): Promise<readonly string[]> => {
  let behind = '';
  const committed = await holdsWithin(COMMITTED_WITHIN_MS, async () => {
    behind = 'its offsets can not be read';
    const ends = await watermarks(vault.bus, vault.topics.commands);
    const offsets = await committedOffsets(vault.bus, workerGroup(vault), vault.topics.commands);
    const open = ends.filter(({ partition, low, high }) => low !== high && offsets.get(partition) !== high);
    behind = open.map(({ partition, high }) => `${partition} at ${offsets.get(partition)} of ${high}`).join();
    return open.length === 0;
  });
  return committed ? [] : [`the group does not commit the end of the commands: ${behind}`];
};

const wrongEffects = ({ seen, users }: Account, { commands, audits, events }: Evidence): readonly string[] => {
  const keyOf = new Map(commands.map(({ requestId, idempotencyKey }) => [requestId, idempotencyKey ?? '']));
  const effects = groupBy(audits.filter(isEffect), ({ request_id }) => keyOf.get(request_id ?? '') ?? '');
  const eventsOf = groupBy(events, ({ user_id }) => user_id);
  const stepsOf = groupBy(seen, ({ step }) => step.user);
  return [...users.keys()].flatMap((user) => {
    const changes = changesOf(stepsOf.get(user) ?? []);
    const happened = (eventsOf.get(user) ?? []).toSorted((a, b) => a.revision - b.revision);
    const told = happened.map(({ change, platform }) => (platform === null ? change : `${change} ${platform}`));
    const due = changes.map(({ change }) => change);
    return [
      ...(told.join() === due.join() ? [] : [`${user}: events tell ${told.join()} where ${due.join()} was due`]),
      ...changes.flatMap(({ seen: { step, revision } }, index) => [
        ...wrongCount(step.idempotencyKey, effects.get(step.idempotencyKey) ?? []),
        ...(revision === null || revision === happened[index]?.revision
          ? []
          : [`${step.idempotencyKey}: revision ${revision} was acknowledged and no event has it`]),
      ]),
    ];
  });
};

/** A change as its first execution writes it down; a `ForgetUser` that found nobody is one too, and changes nothing. */
const isEffect = ({ action, result, reason }: AuditSeen): boolean =>
  MUTATIONS.has(action) && result === 'ok' && reason !== 'repeated';

const MUTATIONS = new Set(['StoreToken', 'RevokeToken', 'ForgetUser']);

const wrongCount = (idempotencyKey: string, effects: readonly AuditSeen[]): readonly string[] =>
  effects.length === 1 ? [] : [`${idempotencyKey}: the audit log has ${effects.length} effects of one change`];

const changesOf = (steps: readonly Seen[]): readonly { readonly change: Change; readonly seen: Seen }[] => {
  let state = UNKNOWN_USER;
  return steps.flatMap((seen) => {
    const { change, next } = predict(state, seen.step);
    state = next;
    return change === null ? [] : [{ change, seen }];
  });
};

const unanswered = ({ commands, replies }: Evidence): readonly string[] =>
  commands
    .filter(({ requestId }) => !replies.has(requestId))
    .map(({ requestId, user, partition, offset }) => `${requestId} of ${user} at ${partition}/${offset} has no reply`);

/** No audit, no answer; only the answer that there is no audit goes without. */
const unaudited = ({ audits, replies }: Evidence): readonly string[] => {
  const first = new Map<string, number>();
  for (const { request_id: id, at } of audits)
    if (id !== null) first.set(id, Math.min(at, first.get(id) ?? Number.POSITIVE_INFINITY));
  return [...replies].flatMap(([requestId, told]) =>
    told
      .filter(({ code, at }) => code !== 'audit_unavailable' && !((first.get(requestId) ?? Infinity) <= at))
      .map(({ type, code, at }) => {
        const written = first.get(requestId);
        const when = written === undefined ? 'and has no audit record' : `${written - at} ms before its audit record`;
        return `${requestId}: ${code ?? type} was told ${when}`;
      }),
  );
};

const wrongCommits = ({ commands, replies }: Evidence, samples: readonly CommitSample[]): readonly string[] =>
  samples.flatMap(({ at, offsets }) =>
    commands
      .filter(({ partition, offset }) => offset < (offsets.get(partition) ?? 0n))
      .filter(({ requestId }) => !((replies.get(requestId)?.[0]?.at ?? Infinity) <= at))
      .map(({ requestId, partition, offset }) => `${requestId} at ${partition}/${offset} was committed unanswered`),
  );

/** Of this run alone: the topics may hold others before it. */
const checkedOf = ({ seen, users }: Account, evidence: Evidence): Checked => {
  const commands = evidence.commands.filter(({ user }) => users.has(user));
  const requests = new Set(commands.map(({ requestId }) => requestId));
  const ofThese = evidence.audits.filter(({ request_id }) => requests.has(request_id ?? ''));
  return {
    commands: commands.length,
    effects: evidence.events.filter(({ user_id }) => users.has(user_id)).length,
    answeredAgain: [...requests].filter((id) => (evidence.replies.get(id)?.length ?? 0) > 1).length,
    recalled: ofThese.filter(({ reason }) => reason === 'repeated').length,
    errors: seen.reduce((sum, { errors }) => sum + errors.length, 0),
  };
};
