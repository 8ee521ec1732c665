import type { EngineId, UserId } from '@vault-engine/model';
import { type AuditActor, type AuditResult, type AuditSubject, auditOf, type Vault } from '../call.ts';
import { type ConnectionEvent, PortUnavailable } from '../ports.ts';
import type { Applied, Change, PendingRef, TokenStore, Transition } from '../token-store.ts';

/** In whose name a transition is made, for the audit log and for its events. */
export interface TransitionActor extends AuditActor {
  /** The engine that an event names; null: the vault itself. */
  readonly eventEngine: EngineId | null;
}

/** The content of a transition: its audit record and its events, in order. */
export interface TransitionContent {
  readonly about: AuditSubject & { readonly user: UserId };
  /** Default `ok`. */
  readonly result?: AuditResult;
  /** The user's revision after it. */
  readonly revision: number;
  readonly events: readonly Pick<ConnectionEvent, 'platform' | 'change' | 'view'>[];
}

/** Encodes the audit record and the events of a change. */
export const transitionOf = (
  vault: Pick<Vault, 'journal' | 'now' | 'uuid'>,
  actor: TransitionActor,
  { about, result = 'ok', revision, events }: TransitionContent,
): Transition => {
  const { user } = about;
  const time = vault.now();
  return {
    id: vault.uuid(),
    user,
    audit: vault.journal.encodeAudit(auditOf(vault, actor, result, about)),
    events: events.map((event) =>
      vault.journal.encodeEvent({
        ...event,
        id: vault.uuid(),
        userId: user,
        revision,
        time,
        engine: actor.eventEngine,
      }),
    ),
  };
};

/** The parts that carry out a change. */
export interface CarryingParts {
  readonly store: Pick<TokenStore, 'apply' | 'settle'>;
  readonly journal: Vault['journal'];
}

/**
 * Applies a change, and resolves when its transition is acknowledged. If the acknowledgement fails it rejects, the change
 * stays, and {@link drainPending} writes the transition later.
 */
export const carryOut = async (parts: CarryingParts, change: Change): Promise<Applied> => {
  const applied = await parts.store.apply(change);
  if (applied.kind !== 'applied') return applied;
  await writeTransition(parts, change.transition);
  settleBehind(parts, applied.pending);
  return applied;
};

/** How often a change is decided again after a conflict. */
export const MAX_CONFLICTS = 8;

/** The error after {@link MAX_CONFLICTS} conflicts. */
export const contended = (): PortUnavailable =>
  new PortUnavailable('storage', 'the user is being changed by others without pause');

/** Writes a transition, and resolves when all of it is acknowledged. */
const writeTransition = async (
  { journal }: Pick<Vault, 'journal'>,
  { user, audit, events }: Transition,
): Promise<void> => {
  await Promise.all([journal.record(audit), publishInOrder(journal, user, events)]);
};

const publishInOrder = async (journal: Vault['journal'], user: UserId, events: readonly Buffer[]): Promise<void> => {
  for (const event of events) await journal.publish(user, event);
};

/** Nobody waits for it: a transition that stays pending is only written once more under the same ids. */
const settleBehind = ({ store }: CarryingParts, pending: PendingRef): void => {
  store.settle([pending]).catch(() => undefined);
};

const DRAIN_BATCH = 200;
/** After a crash of the draining process, another one takes over when this has passed. */
const DRAIN_LEASE_MS = 15_000;

/**
 * Writes the transitions that a crash or an outage left pending for longer than `olderThanMs`, and settles them. Their records
 * keep their ids, so a transition that is written twice can be told from a second change. A command writes its own transition
 * itself. One process at a time drains. Resolves to how many were drained, 0 while another process drains; rejects with
 * `PortUnavailable` and leaves the rest for the next time.
 */
export const drainPending = async (vault: Pick<Vault, 'store' | 'journal'>, olderThanMs: number): Promise<number> => {
  if (!(await vault.store.holdDrainLease(DRAIN_LEASE_MS))) return 0;
  const left = await vault.store.pending(olderThanMs, DRAIN_BATCH);
  await Promise.all(
    left.map(async ({ ref, transition }) => {
      await writeTransition(vault, transition);
      await vault.store.settle([ref]);
    }),
  );
  return left.length;
};
