import { type AuditActor, type AuditResult, type AuditSubject, auditOf, type Vault } from './call.ts';
import type { EngineId, UserId } from './model.ts';
import { type ConnectionEvent, PortUnavailable } from './ports.ts';
import type { Applied, Change, PendingRef, TokenStore, Transition } from './token-store.ts';

/** In whose name a transition is made: for the audit log, and for its events. */
export interface TransitionActor extends AuditActor {
  /** The engine that an event names; null: the vault itself. */
  readonly eventEngine: EngineId | null;
}

/** What a transition says of a user: what was audited, and what happened, in order. */
export interface TransitionContent {
  readonly about: AuditSubject & { readonly user: UserId };
  /** `ok` where nothing is said. */
  readonly result?: AuditResult;
  /** The user's revision after it. */
  readonly revision: number;
  readonly events: readonly Pick<ConnectionEvent, 'platform' | 'change' | 'view'>[];
}

/** Makes the audit record and the events of a change. */
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

/** What a change is carried out with. */
export interface CarryingParts {
  readonly store: Pick<TokenStore, 'apply' | 'settle'>;
  readonly journal: Vault['journal'];
}

/**
 * Applies a change. One that is applied has its transition acknowledged and settled before this resolves; where that
 * fails, it rejects, the change stays, and its transition is drained later.
 */
export const carryOut = async (parts: CarryingParts, change: Change): Promise<Applied> => {
  const applied = await parts.store.apply(change);
  if (applied.kind !== 'applied') return applied;
  await journalise(parts, change.transition);
  settleBehind(parts, applied.pending);
  return applied;
};

/** How often a change is decided anew because somebody else was faster. */
export const MAX_CONFLICTS = 8;

/** What is thrown where somebody else was faster each time. */
export const contended = (): PortUnavailable =>
  new PortUnavailable('storage', 'the user is being changed by others without pause');

/** Writes what a transition holds: resolves when all of it is acknowledged. */
export const journalise = async (
  { journal }: Pick<Vault, 'journal'>,
  { user, audit, events }: Transition,
): Promise<void> => {
  await Promise.all([journal.record(audit), publishInOrder(journal, user, events)]);
};

const publishInOrder = async (journal: Vault['journal'], user: UserId, events: readonly Buffer[]): Promise<void> => {
  for (const event of events) await journal.publish(user, event);
};

/** Settling is not waited for: a transition that stays pending is written a second time under the same ids, and no more. */
const settleBehind = ({ store }: CarryingParts, pending: PendingRef): void => {
  store.settle([pending]).catch(() => undefined);
};
