import type { Failure, PlatformId, UserId } from '@vault-engine/model';
import { type Answer, auditOf, type Call, refuse, type Vault } from '../call.ts';
import type { Change, DedupeRecord, Transition, UserView } from '../token-store.ts';
import { dedupeOutcomeText, matchDedupeRecord, parseDedupeOutcome } from './dedupe.ts';
import { carryOut, contended, MAX_CONFLICTS, type TransitionContent, transitionOf } from './transition.ts';

/** A mutating command, as {@link change} carries it out. */
export interface Mutation<T> {
  readonly user: UserId;
  /** The connection to change; null: the whole user. */
  readonly platform: PlatformId | null;
  readonly dedupeId: string;
  readonly digest: Buffer;
  /** Decides from what is stored. Called again after a conflict. */
  readonly decide: (view: UserView) => Promise<Decision<T>> | Decision<T>;
  /** Reads the value of an earlier execution back. */
  readonly recalled: (value: unknown) => T;
}

/** The decision of a mutation. */
export type Decision<T> =
  | { readonly kind: 'refuse'; readonly failure: Failure }
  /** Nothing to change. */
  | { readonly kind: 'nothing'; readonly value: T }
  | {
      readonly kind: 'change';
      readonly value: T;
      readonly write: Pick<Change, 'dataKey' | 'put' | 'remove' | 'flows' | 'forget' | 'revision'>;
      readonly events: TransitionContent['events'];
      readonly recordVersion?: number;
      /** For the audit log, from a closed list. */
      readonly reason?: string;
    };

/** The next revision or record version: the last one plus one, or the store's clock in µs if that is later. */
export const nextVersion = (last: number | null, nowMicros: number): number => Math.max((last ?? 0) + 1, nowMicros);

/**
 * Carries a mutation out once:
 * 1. A repetition is answered from its dedupe record. Another command under the same key is refused.
 * 2. `decide` says what to write.
 * 3. One atomic step writes it with its dedupe record and its transition. After a conflict it starts again from 1. A decision
 *    to change nothing gets a dedupe record too: Kafka may deliver the command again after later ones of the same user.
 * 4. The transition's audit record and events are acknowledged, then it is settled.
 *
 * After a failure in 3 the change may be in place, and after one in 4 it is. Its transition stays pending and is drained
 * later, and a repetition of the command finds the dedupe record.
 */
export const change = async <T>(
  vault: Vault,
  call: Call,
  mutation: Mutation<T>,
  first: UserView,
): Promise<Answer<T>> => {
  let view = first;
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const known = matchDedupeRecord(view, mutation.digest);
    if (known === 'different') return DUPLICATE;
    if (known !== 'new') return repeated(vault, call, mutation, known.outcome);
    const decision = await mutation.decide(view);
    if (decision.kind !== 'change') return unchanged(vault, call, mutation, decision);
    const content = contentOf(mutation, decision);
    const transition = transitionOf(vault, { ...call, eventEngine: call.engine }, content);
    const applied = await carryOut(vault, changeOf(vault, mutation, decision, view, transition));
    if (applied.kind === 'applied') return { ok: true, value: decision.value, audit: null };
    view = await vault.store.readUser(mutation.user, mutation.platform, mutation.dedupeId);
  }
  throw contended();
};

const DUPLICATE = refuse('duplicate_request', 'this idempotency key was used for another command; use a new one');

const repeated = <T>(vault: Vault, call: Call, mutation: Mutation<T>, text: string): Answer<T> => {
  const outcome = parseDedupeOutcome(text);
  if ('refused' in outcome) return { ok: false, failure: { ...outcome.refused, reason: 'repeated' } };
  const audit = auditOf(vault, call, 'ok', { ...mutation, reason: 'repeated' });
  return { ok: true, value: mutation.recalled(outcome.value), audit };
};

const unchanged = async <T>(
  vault: Vault,
  call: Call,
  mutation: Mutation<T>,
  decision: Exclude<Decision<T>, { kind: 'change' }>,
): Promise<Answer<T>> => {
  const outcome = dedupeOutcomeText(
    decision.kind === 'refuse' ? { refused: decision.failure } : { value: decision.value },
  );
  const dedupeRecord = await vault.store.dedupe(mutation.user, entryOf(vault, mutation, outcome));
  const known = matchDedupeRecord({ dedupeRecord }, mutation.digest);
  if (known === 'different') return DUPLICATE;
  if (known !== 'new' && known.outcome !== outcome) return repeated(vault, call, mutation, known.outcome);
  return decision.kind === 'refuse'
    ? { ok: false, failure: decision.failure }
    : { ok: true, value: decision.value, audit: auditOf(vault, call, 'ok', mutation) };
};

const entryOf = <T>(
  { dedupeTtlMs: keepMs }: Vault,
  { dedupeId: id, digest: mac }: Mutation<T>,
  outcome: string,
): DedupeRecord & { id: string; keepMs: number } => ({ id, mac, outcome, keepMs });

const contentOf = <T>(
  { user, platform }: Mutation<T>,
  decision: Extract<Decision<T>, { kind: 'change' }>,
): TransitionContent => {
  const { recordVersion, reason, events } = decision;
  const about = {
    user,
    platform,
    ...(recordVersion !== undefined && { recordVersion }),
    ...(reason !== undefined && { reason }),
  };
  return { about, revision: decision.write.revision, events };
};

const changeOf = <T>(
  vault: Vault,
  mutation: Mutation<T>,
  decision: Extract<Decision<T>, { kind: 'change' }>,
  view: UserView,
  transition: Transition,
): Change => ({
  user: mutation.user,
  expectedRevision: view.user?.revision ?? null,
  leaseOwner: null,
  ...decision.write,
  dedupe: entryOf(vault, mutation, dedupeOutcomeText({ value: decision.value })),
  transition,
});
