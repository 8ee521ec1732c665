import { PortUnavailable, refuse, type UserId } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { keepRefusals, storedRefusal } from './refusals.ts';
import { inProgress, NOW, sampleEngine, statusRecord, TIMEOUT_MS, USER } from './testing/command-samples.ts';
import { openPipeline } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');
const user = USER as UserId; // of the allowed characters
const refused = (key = USER) => inProgress(sync, statusRecord(sync.keys.kafka, { key: Buffer.from(key) }));
const { failure } = refuse('rate_limited', 'too fast');

const openRefusals = (limits?: { perEngine: number; perUser: number }, now = () => NOW) => {
  const written: { user: string; keepMs: number; mac: Buffer }[] = [];
  const { vault } = openPipeline([sync]);
  const dedupe: typeof vault.store.dedupe = async (of, entry) => {
    written.push({ user: of, keepMs: entry.keepMs, mac: entry.mac });
    return entry;
  };
  return { written, refusals: keepRefusals({ store: { ...vault.store, dedupe }, now }, limits) };
};

test('a refusal is written once, before the next effect on its user, for as long as a worker might execute the command', async () => {
  const { written, refusals } = openRefusals();
  const command = refused();
  refusals.keep(command, failure);
  expect(written).toEqual([]);
  await refusals.store('u2' as UserId); // another user
  expect(written).toEqual([]);
  await refusals.store(user);
  await refusals.store(user);
  expect(written).toEqual([{ user, keepMs: TIMEOUT_MS + 60_000, mac: command.headers.mac }]);
});

test.each(['deadline_exceeded', 'invalid_request', 'storage_unavailable'] as const)(
  'a refusal as %s is not kept',
  async (code) => {
    const { written, refusals } = openRefusals();
    refusals.keep(refused(), refuse(code, 'no').failure);
    await refusals.store(user);
    expect(written).toEqual([]);
  },
);

test('a refusal whose command no worker executes any more is not written', async () => {
  let now = NOW;
  const { written, refusals } = openRefusals(undefined, () => now);
  refusals.keep(refused(), failure);
  now = NOW + TIMEOUT_MS + 60_000;
  await refusals.store(user);
  expect(written).toEqual([]);
});

test('refusals that the store did not accept are kept', async () => {
  const { vault } = openPipeline([sync]);
  let unavailable = true;
  let written = 0;
  const dedupe: typeof vault.store.dedupe = async (_user, entry) => {
    if (unavailable) throw new PortUnavailable('storage', 'no answer');
    written += 1;
    return entry;
  };
  const refusals = keepRefusals({ store: { ...vault.store, dedupe }, now: () => NOW });
  refusals.keep(refused(), failure);
  await expect(refusals.store(user)).rejects.toBeInstanceOf(PortUnavailable);
  unavailable = false;
  await refusals.store(user);
  expect(written).toBe(1);
});

test('the oldest refusals of an engine are dropped beyond its limits', async () => {
  const { written, refusals } = openRefusals({ perEngine: 3, perUser: 2 });
  const last = [refused(), refused(), refused()];
  for (const command of last) refusals.keep(command, failure);
  await refusals.store(user);
  expect(written.map(({ mac }) => mac)).toEqual(last.slice(1).map(({ headers }) => headers.mac));
  for (const name of ['u1', 'u2', 'u3', 'u4']) refusals.keep(refused(name), failure);
  written.length = 0;
  for (const name of ['u1', 'u2', 'u3', 'u4']) await refusals.store(name as UserId); // of the allowed characters
  expect(written.map(({ user: of }) => of)).toEqual(['u2', 'u3', 'u4']);
});

test('a stored refusal answers its own request only', () => {
  const { headers } = refused();
  const outcome = JSON.stringify({ refused: failure });
  expect(storedRefusal({ dedupeRecord: { mac: headers.mac, outcome } }, headers)).toMatchObject({
    code: 'rate_limited',
    reason: 'repeated',
  });
  expect(storedRefusal({ dedupeRecord: { mac: Buffer.alloc(32), outcome } }, headers)).toBeNull();
  expect(storedRefusal({ dedupeRecord: null }, headers)).toBeNull();
});
