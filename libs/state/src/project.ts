import type { Publisher } from '@vault-engine/bus';
import type { Codec, ConnectionState } from '@vault-engine/contracts';
import type { UserId } from '@vault-engine/model';
import type { TokenStore } from '@vault-engine/vault';
import { type Actual, compare, type Drift, due } from './compare.ts';
import { digestOf } from './digest.ts';
import type { Mark, StateMarks } from './marks.ts';
import { perUserMutex } from './per-user-mutex.ts';
import { revisionHeaders } from './revision.ts';
import { snapshotOf } from './snapshot.ts';

/** What projecting works with. The store's ciphertexts stay sealed: there is no key here. */
export interface ProjectingParts {
  readonly store: Pick<TokenStore, 'readUser'>;
  readonly codec: Pick<Codec<'ConnectionState'>, 'encode'>;
  readonly publisher: Pick<Publisher, 'send'>;
  /** `vault.connection-state`. */
  readonly topic: string;
  /** What the topic says, kept by whoever follows it. */
  readonly marks: StateMarks;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** What is needed of a change. */
export interface Changed {
  readonly revision: number;
  readonly forgotten: boolean;
}

/** What was published; null: the topic showed it already. */
export type Projected = 'snapshot' | 'tombstone' | null;

/**
 * Brings what the store has of a user to the topic. Works on one user one thing at a time. All methods reject with
 * `PortUnavailable` and `PublishFailed`.
 */
export interface Projection {
  /** After a change: of several that wait, the first one shows them all. */
  readonly follow: (user: UserId, changed: Changed) => Promise<Projected>;
  /** Publishes what the store has, whatever the topic shows. */
  readonly republish: (user: UserId) => Promise<Projected>;
  /** Publishes what the store has where the topic shows something else, and says how that differed. */
  readonly mend: (user: UserId) => Promise<Drift | null>;
  /** How the topic differs, without changing it. */
  readonly inspect: (user: UserId) => Promise<Drift | null>;
}

/** Opens the projection of a store. */
export const openProjection = (parts: ProjectingParts): Projection => {
  const { marks } = parts;
  const exclusively = perUserMutex();
  /** What is known is looked up before the store is asked: only then does a lower revision there mean that it went back. */
  const look = async (user: UserId): Promise<Look> => {
    const known = marks.get(user);
    return { user, known, ...(await readStore(parts, user)) };
  };
  return {
    follow: (user, changed) =>
      exclusively(user, async () => {
        const known = marks.get(user);
        if (known?.kind === 'snapshot' && known.revision >= changed.revision) return null;
        const found = await look(user);
        // Who forgot the user says under which revision, and that event is on its way if it is not this one.
        if (found.actual.kind === 'absent') return changed.forgotten ? forget(parts, found, changed.revision) : null;
        return compare(found.known, found.actual) === null
          ? null
          : publish(parts, found, due(found.known, found.actual));
      }),
    republish: (user) =>
      exclusively(user, async () => {
        const found = await look(user);
        return publish(parts, found, due(found.known, found.actual));
      }),
    mend: (user) =>
      exclusively(user, async () => {
        const found = await look(user);
        const drift = compare(found.known, found.actual);
        if (drift !== null) await publish(parts, found, due(found.known, found.actual));
        return drift;
      }),
    inspect: (user) =>
      exclusively(user, async () => {
        const { known, actual } = await look(user);
        return compare(known, actual);
      }),
  };
};

interface Look {
  readonly user: UserId;
  readonly known: Mark | undefined;
  readonly actual: Actual;
  readonly state: ConnectionState | null;
}

const readStore = async ({ store, now }: ProjectingParts, user: UserId): Promise<Pick<Look, 'actual' | 'state'>> => {
  const view = await store.readUser(user, null, null);
  const state = snapshotOf(user, view, now());
  return state === null
    ? { actual: { kind: 'absent', nowMicros: view.nowMicros }, state }
    : { actual: { kind: 'snapshot', revision: state.revision, digest: digestOf(state) }, state };
};

const forget = async (parts: ProjectingParts, found: Look, revision: number): Promise<Projected> =>
  found.known !== undefined && found.known.revision >= revision
    ? null
    : publish(parts, found, { kind: 'tombstone', revision });

const publish = async (parts: ProjectingParts, { user, state }: Look, mark: Mark): Promise<Projected> => {
  const { codec, publisher, topic, marks } = parts;
  const value =
    mark.kind === 'tombstone' || state === null
      ? null
      : codec.encode('ConnectionState', { ...state, revision: mark.revision });
  await publisher.send({ topic, key: Buffer.from(user), value, headers: revisionHeaders(mark.revision) });
  marks.acknowledged(user, mark);
  return mark.kind;
};
