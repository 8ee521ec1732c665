import type { Publisher } from '@vault-engine/bus/client';
import type { Codec, ConnectionState } from '@vault-engine/contracts';
import type { UserId } from '@vault-engine/model';
import { BrokenRow, type TokenStore } from '@vault-engine/vault';
import { type Actual, compare, type Drift, due } from './compare.ts';
import type { Mark, StateMarks } from './marks.ts';
import { revisionHeaders } from './read-state.ts';
import { snapshotOf } from './snapshot.ts';
import { digestOf } from './status-over-time.ts';

/** The dependencies of a projection. It has no keys: the store's ciphertexts stay sealed. */
export interface ProjectingParts {
  readonly store: Pick<TokenStore, 'readUser'>;
  readonly codec: Pick<Codec<'ConnectionState'>, 'encode'>;
  readonly publisher: Pick<Publisher, 'send'>;
  /** `vault.connection-state`. */
  readonly topic: string;
  /** The state of the topic; the caller follows the topic and keeps it current. */
  readonly marks: StateMarks;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A change of a user's connections. */
export interface Changed {
  readonly revision: number;
  readonly forgotten: boolean;
}

/** The kind of record that was published; null where the topic was already current, or the store's row does not parse. */
export type Projected = 'snapshot' | 'tombstone' | null;

/**
 * Publishes the store's state of a user to the topic. Operations on one user run one after another. All methods reject
 * with `PortUnavailable` and `PublishFailed`.
 */
export interface Projection {
  /** Publishes after a change. Of several waiting changes, the first publishes the state after all of them. */
  readonly follow: (user: UserId, changed: Changed) => Promise<Projected>;
  /** Publishes the store's state, whether or not the topic differs. */
  readonly republish: (user: UserId) => Promise<Projected>;
  /** Publishes the store's state where the topic differs, and returns the difference. */
  readonly mend: (user: UserId) => Promise<Drift | null>;
  /** Returns how the topic differs, and publishes nothing. */
  readonly inspect: (user: UserId) => Promise<Drift | null>;
}

/** Opens the projection of a store. */
export const openProjection = (parts: ProjectingParts): Projection => {
  const { marks } = parts;
  const exclusively = perUserMutex();
  /** Reads `marks` before the store: only in that order does a lower revision in the store prove that the store was restored. */
  const look = async (user: UserId): Promise<Observed> => {
    const known = marks.get(user);
    return { user, known, ...(await readStore(parts, user)) };
  };
  return {
    follow: (user, changed) =>
      exclusively(user, async () => {
        const known = marks.get(user);
        if (known?.kind === 'snapshot' && known.revision >= changed.revision) return null;
        const found = await look(user);
        // The event of ForgetUser has the tombstone's revision. If this is another event, that one is still to come.
        if (found.actual.kind === 'absent') return changed.forgotten ? forget(parts, found, changed.revision) : null;
        return compare(found.known, found.actual) === null ? null : publishStored(parts, found);
      }),
    republish: (user) =>
      exclusively(user, async () => {
        return publishStored(parts, await look(user));
      }),
    mend: (user) =>
      exclusively(user, async () => {
        const found = await look(user);
        const drift = compare(found.known, found.actual);
        if (drift !== null) await publishStored(parts, found);
        return drift;
      }),
    inspect: (user) =>
      exclusively(user, async () => {
        const { known, actual } = await look(user);
        return compare(known, actual);
      }),
  };
};

interface Observed {
  readonly user: UserId;
  readonly known: Mark | undefined;
  readonly actual: Actual;
  readonly state: ConnectionState | null;
}

const readStore = async (
  { store, now }: ProjectingParts,
  user: UserId,
): Promise<Pick<Observed, 'actual' | 'state'>> => {
  const view = await readable(store.readUser(user, null, null));
  if (view === null) return { actual: { kind: 'unreadable' }, state: null };
  const state = snapshotOf(user, view, now());
  return state === null
    ? { actual: { kind: 'absent', nowMicros: view.nowMicros }, state }
    : { actual: { kind: 'snapshot', revision: state.revision, digest: digestOf(state) }, state };
};

/** Null: a row of the user does not parse. One broken row must not stop a walk over all users. */
const readable = async <T>(reading: Promise<T>): Promise<T | null> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof BrokenRow) return null;
    throw error;
  }
};

/** Publishes what the store has; nothing of a user whose row does not parse. */
const publishStored = async (parts: ProjectingParts, found: Observed): Promise<Projected> =>
  found.actual.kind === 'unreadable' ? null : publish(parts, found, due(found.known, found.actual));

const forget = async (parts: ProjectingParts, found: Observed, revision: number): Promise<Projected> =>
  found.known !== undefined && found.known.revision >= revision
    ? null
    : publish(parts, found, { kind: 'tombstone', revision });

const publish = async (parts: ProjectingParts, { user, state }: Observed, mark: Mark): Promise<Projected> => {
  const { codec, publisher, topic, marks } = parts;
  const value =
    mark.kind === 'tombstone' || state === null
      ? null
      : codec.encode('ConnectionState', { ...state, revision: mark.revision });
  await publisher.send({ topic, key: Buffer.from(user), value, headers: revisionHeaders(mark.revision) });
  marks.acknowledged(user, mark);
  return mark.kind;
};

/** Serializes work per user, in the order of the calls; different users run concurrently. */
const perUserMutex = (): (<T>(user: UserId, work: () => Promise<T>) => Promise<T>) => {
  const last = new Map<UserId, Promise<unknown>>();
  return async (user, work) => {
    const before = last.get(user);
    const mine = before === undefined ? work() : before.then(work, work);
    last.set(user, mine);
    try {
      return await mine;
    } finally {
      if (last.get(user) === mine) last.delete(user);
    }
  };
};
