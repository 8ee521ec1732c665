import type { ConnectionRecord, TokenStore, UserId } from '@vault-engine/vault';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectUser, GMAIL, newChange, newDataKey, newRecord, newUser, putOf, SLACK } from './samples.ts';

/** A user whose connections change. */
interface Subject {
  readonly user: UserId;
  /** 0: no row. */
  revision: number;
}

type Step = (store: TokenStore, subject: Subject) => Promise<unknown>;

const apply = async (
  store: TokenStore,
  subject: Subject,
  fields: Parameters<typeof newChange>[2],
  hasEvents = true,
): Promise<void> => {
  const expectedRevision = subject.revision === 0 ? null : subject.revision;
  const dataKey = expectedRevision === null && fields?.forget !== true ? newDataKey() : null;
  const revision = hasEvents ? subject.revision + 1 : subject.revision;
  const change = newChange(subject.user, revision, { ...fields, expectedRevision, dataKey });
  const { kind } = await store.apply(
    hasEvents ? change : { ...change, transition: { ...change.transition, events: [] } },
  );
  if (kind === 'applied') subject.revision = fields?.forget ? 0 : revision;
};

const lease = { platform: GMAIL, owner: 'some-owner' } as const;

/** Changes of a user between two reads. Versions stay equal on purpose: a reader must not rely on them alone. */
const STEPS: Readonly<Record<string, Step>> = {
  'stores other credentials': (store, subject) => apply(store, subject, { put: putOf(GMAIL) }),
  'stores another condition': (store, subject) =>
    apply(store, subject, { put: putOf(GMAIL, newRecord({ condition: { kind: 'none' } })) }),
  'stores a record under the lease without an event': async (store, subject) => {
    const { user, revision } = subject;
    if (revision === 0) return;
    await store.claim({ ...lease, user, tokenVersion: newRecord().tokenVersion, ttlMs: 60_000 });
    const put = putOf(GMAIL, newRecord({ lastPublishedStatus: 'something else' }));
    await apply(store, subject, { put, leaseOwner: lease.owner }, false);
  },
  'claims the lease': (store, { user }) =>
    store.claim({ ...lease, user, tokenVersion: newRecord().tokenVersion, ttlMs: 60_000 }),
  'holds the lease': (store, { user }) => store.hold({ ...lease, user, phase: 'called', ttlMs: 90_000 }),
  'releases the lease': (store, { user }) => store.release({ ...lease, user }),
  'connects another platform': (store, subject) => apply(store, subject, { put: putOf(SLACK) }),
  'removes the connection': (store, subject) => apply(store, subject, { remove: [GMAIL] }),
  'forgets the user': (store, subject) =>
    subject.revision === 0 ? Promise.resolve() : apply(store, subject, { forget: true, remove: [GMAIL, SLACK] }),
};

/** `readConnection` may cache, and must return what is stored now. */
export const readsSeeEveryChange = (store: () => TokenStore): void => {
  describe('reading again', () => {
    /** `readUser` never uses a cache. */
    const expectCurrent = async (user: UserId): Promise<ConnectionRecord | null> => {
      const { user: row, connections } = await store().readUser(user, GMAIL, null);
      const found = await store().readConnection(user, GMAIL);
      expect(found).toEqual({ user: row, record: connections.get(GMAIL) ?? null });
      return found.record;
    };

    test.each(Object.keys(STEPS))('sees the change when a caller %s', async (name) => {
      const subject: Subject = { user: newUser(), revision: 0 };
      subject.revision = await connectUser(store(), subject.user);
      await expectCurrent(subject.user);
      await expectCurrent(subject.user);
      await STEPS[name]?.(store(), subject);
      await expectCurrent(subject.user);
      await expectCurrent(subject.user);
    });

    test('sees every change of a long history', async () => {
      const history = fc.array(fc.constantFrom(...Object.values(STEPS)), { minLength: 5, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const subject: Subject = { user: newUser(), revision: 0 };
          for (const step of steps) {
            await step(store(), subject);
            await expectCurrent(subject.user);
          }
        }),
        { numRuns: 60 },
      );
    });

    test('sees a user who is forgotten and comes back with the same revision and version', async () => {
      const subject: Subject = { user: newUser(), revision: 0 };
      await apply(store(), subject, { put: putOf(GMAIL) });
      const before = await expectCurrent(subject.user);
      await apply(store(), subject, { forget: true, remove: [GMAIL] });
      await apply(store(), subject, { put: putOf(GMAIL) });
      const after = await expectCurrent(subject.user);
      expect(after?.version).toBe(before?.version);
      expect(after?.access.equals(before?.access ?? Buffer.alloc(0))).toBe(false);
    });
  });
};
