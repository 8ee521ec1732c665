import { ciphertext } from '@vault-engine/crypto';
import { platformId, type UserId, userId } from '@vault-engine/model';
import { BrokenRow, type ConnectionRecord, PortUnavailable, type UserView } from '@vault-engine/vault';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { StateMarks } from './marks.ts';
import { openProjection } from './project.ts';
import { type StateRecord, supersedes } from './read-state.ts';

const NOW = 1_800_000_000_000;
const user: UserId = userId('u1') ?? expect.fail('no user id');
const gmail = platformId('gmail') ?? expect.fail('no platform id');

const recordOf = (tokenVersion: number): ConnectionRecord => ({
  version: tokenVersion,
  tokenVersion,
  storedAt: 0,
  metadata: { tokenType: 'Bearer', scopes: ['email'], expiresAt: null, refreshExpiresAt: null, params: {} },
  access: ciphertext(Buffer.from('sealed')),
  refresh: null,
  condition: { kind: 'good' },
  grant: { since: 0, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
});

/** A store of one user, a topic, and projections on both. */
const openScene = () => {
  const log: StateRecord[] = [];
  const scene = {
    clock: 1_000,
    row: null as { revision: number; content: number } | null,
    outage: false,
    broken: false,
    reads: 0,
    log,
    /** The state of a reader that applies the revision rule: the content of the snapshot, or null. */
    shown: (records: readonly StateRecord[] = log): number | null => {
      let known: Extract<StateRecord, { revision: number }> | null = null;
      for (const next of records) if ('revision' in next && supersedes(next.revision, known?.revision)) known = next;
      return known?.kind === 'snapshot' ? (known.state.connections[0]?.token_version ?? null) : null;
    },
    view: (): UserView => {
      scene.clock += 1;
      scene.reads += 1;
      const { row, clock: nowMicros } = scene;
      const dataKey = { kid: Buffer.alloc(16), wrapped: Buffer.alloc(1) };
      return row === null
        ? { nowMicros, user: null, connections: new Map(), flows: [], dedupeRecord: null }
        : {
            nowMicros,
            user: { revision: row.revision, dataKey },
            connections: new Map([[gmail, recordOf(row.content)]]),
            flows: [],
            dedupeRecord: null,
          };
    },
    /** A projector; `hold` delays the store's answers until it resolves. */
    projector: (hold: () => Promise<void> = () => Promise.resolve()) => {
      const marks = new StateMarks(() => NOW);
      let read = 0;
      const tail = () => {
        for (; read < log.length; read += 1) marks.take(log[read] ?? expect.fail('the log is short'));
      };
      let written: Extract<StateRecord, { kind: 'snapshot' }>['state'] | null = null;
      const projection = openProjection({
        store: {
          readUser: async () => {
            if (scene.outage) throw new PortUnavailable('storage', 'away');
            if (scene.broken) throw new BrokenRow('record', 'of the test');
            const view = scene.view();
            await hold();
            return view;
          },
        },
        codec: {
          encode: (_name, value) => {
            written = value;
            return Buffer.from('state');
          },
        },
        publisher: {
          send: async ({ value, headers }) => {
            const revision = Number(headers?.['x-revision']?.toString());
            log.push(
              value === null || written === null
                ? { kind: 'tombstone', user, revision }
                : { kind: 'snapshot', user, revision, state: written },
            );
            return { partition: 0, offset: BigInt(log.length - 1) };
          },
        },
        topic: 'state',
        marks,
        now: () => NOW,
      });
      return { ...projection, marks, tail };
    },
  };
  return scene;
};

let scene: ReturnType<typeof openScene>;
beforeEach(() => {
  scene = openScene();
});

describe('a projection', () => {
  it("publishes the whole snapshot with the store's revision, and no secret", async () => {
    scene.row = { revision: 7, content: 70 };
    expect(await scene.projector().follow(user, { revision: 7, forgotten: false })).toBe('snapshot');
    expect(scene.log).toEqual([
      {
        kind: 'snapshot',
        user,
        revision: 7,
        state: {
          user_id: user,
          revision: 7,
          as_of: NOW,
          connections: [
            {
              platform: 'gmail',
              status: 'CONNECTED',
              suggested_action: 'NONE',
              reason: null,
              expires_at: null,
              lapses_at: null,
              reauth_from: null,
              renewal: 'NONE',
              scopes: ['email'],
              token_version: 70,
            },
          ],
          flows: [],
        },
      },
    ]);
  });

  it('publishes the state after several waiting changes once, and reads the store once', async () => {
    const projector = scene.projector();
    scene.row = { revision: 9, content: 90 };
    const changes = [7, 8, 9].map((revision) => projector.follow(user, { revision, forgotten: false }));
    expect(await Promise.all(changes)).toEqual(['snapshot', null, null]);
    expect(scene.reads).toBe(1);
  });

  it('ignores a repeated change', async () => {
    const projector = scene.projector();
    scene.row = { revision: 9, content: 90 };
    await projector.follow(user, { revision: 9, forgotten: false });
    projector.tail();
    expect(await projector.follow(user, { revision: 8, forgotten: false })).toBeNull();
    expect(scene.log).toHaveLength(1);
  });

  it('publishes the tombstone of a forgotten user once, with the revision of ForgetUser', async () => {
    const projector = scene.projector();
    expect(await projector.follow(user, { revision: 8, forgotten: false })).toBeNull();
    expect(await projector.follow(user, { revision: 9, forgotten: true })).toBe('tombstone');
    expect(await projector.follow(user, { revision: 9, forgotten: true })).toBeNull();
    expect(scene.log).toEqual([{ kind: 'tombstone', user, revision: 9 }]);
  });

  it('publishes the snapshot of a user that returned before the event of ForgetUser was read', async () => {
    scene.row = { revision: 12, content: 120 };
    expect(await scene.projector().follow(user, { revision: 9, forgotten: true })).toBe('snapshot');
    expect(scene.shown()).toBe(120);
  });

  it('publishes the snapshot of a user that returns while drift repair publishes a tombstone', async () => {
    const projector = scene.projector();
    scene.row = { revision: 5, content: 50 };
    await projector.republish(user);
    scene.row = null;
    expect(await projector.mend(user)).toBe('surplus');
    // Decided upon the clock before that tombstone, and written after it.
    scene.row = { revision: 900, content: 60 };
    await projector.follow(user, { revision: 900, forgotten: false });
    expect(scene.shown()).toBe(60);
  });

  it('leaves the topic unchanged while the store is unavailable', async () => {
    scene.outage = true;
    const change = scene.projector().follow(user, { revision: 1, forgotten: false });
    await expect(change).rejects.toThrow(PortUnavailable);
    expect(scene.log).toEqual([]);
  });

  it('calls a user with a broken row unreadable, and publishes nothing', async () => {
    const projector = scene.projector();
    scene.row = { revision: 5, content: 50 };
    await projector.mend(user);
    projector.tail();
    scene.broken = true;
    expect([await projector.inspect(user), await projector.mend(user)]).toEqual(['unreadable', 'unreadable']);
    expect([await projector.republish(user), await projector.follow(user, { revision: 6, forgotten: false })]).toEqual([
      null,
      null,
    ]);
    expect([scene.log.length, scene.shown()]).toEqual([1, 50]);
  });

  it('names and repairs each kind of drift', async () => {
    const projector = scene.projector();
    const drifts: unknown[] = [];
    const mend = async () => {
      projector.tail();
      drifts.push(await projector.inspect(user), await projector.mend(user));
      projector.tail();
      expect([await projector.inspect(user), scene.shown()]).toEqual([null, scene.row?.content ?? null]);
    };
    scene.row = { revision: 5, content: 50 };
    await mend();
    scene.row = { revision: 6, content: 60 };
    await mend();
    scene.row = { revision: 6, content: 61 };
    await mend();
    scene.row = null;
    await mend();
    const [missing, outdated, different, surplus] = ['missing', 'outdated', 'different', 'surplus'];
    expect(drifts).toEqual([missing, missing, outdated, outdated, different, different, surplus, surplus]);
  });

  it('publishes the state of a restored store, and its next change', async () => {
    const projector = scene.projector();
    scene.row = { revision: 500, content: 10 };
    await projector.follow(user, { revision: 500, forgotten: false });
    scene.row = { revision: 300, content: 5 };
    projector.tail();
    expect(await projector.mend(user)).toBe('store_behind');
    expect(scene.shown()).toBe(5);
    projector.tail();
    expect(await projector.inspect(user)).toBeNull();
    scene.row = { revision: 1_500, content: 11 };
    await projector.follow(user, { revision: 1_500, forgotten: false });
    expect([scene.shown(), scene.log.at(-1)]).toMatchObject([11, { revision: 1_500 }]);
  });

  it('that is paused between reading and publishing leaves the newest state to every reader', async () => {
    const step = fc.constantFrom('change', 'forget', 'return', 'stall', 'wake', 'tail', 'redeliver', 'mend');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        scene = openScene();
        let gate: PromiseWithResolvers<void> | null = null;
        const zombie = scene.projector(() => gate?.promise ?? Promise.resolve());
        const living = scene.projector();
        const stalled: Promise<unknown>[] = [];
        let revision = 0;
        let forgotten = false;
        for (const next of steps) {
          if (next === 'change' || next === 'forget' || next === 'return') {
            if ((next === 'change') === (scene.row === null) || (next === 'return' && scene.row !== null)) continue;
            scene.clock += 1;
            revision = Math.max(revision + 1, scene.clock);
            forgotten = next === 'forget';
            scene.row = forgotten ? null : { revision, content: revision };
            await living.follow(user, { revision, forgotten });
          } else if (next === 'stall') {
            gate ??= Promise.withResolvers<void>();
            zombie.tail();
            stalled.push(zombie.follow(user, { revision, forgotten }));
          } else if (next === 'wake') {
            gate?.resolve();
            gate = null;
            await Promise.all(stalled);
          } else if (next === 'tail') living.tail();
          else if (next === 'redeliver') await living.follow(user, { revision, forgotten });
          else await living.mend(user);
        }
        gate?.resolve();
        await Promise.all(stalled);
        living.tail();
        for (const buried of living.marks.buried()) await living.republish(buried);
        living.tail();
        const due = scene.row?.content ?? null;
        expect({ followed: scene.shown(), afresh: scene.shown(scene.log.slice(-1)) }).toEqual({
          followed: due,
          afresh: due,
        });
        expect(living.marks.buried().size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
