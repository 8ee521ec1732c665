import { forgetUser, getStatus, getToken, openCaller, revokeToken, storeToken } from '@vault-engine/client';
import { deriveEngineKeys, type EngineKeys, parseCredential } from '@vault-engine/protocol';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { readEvidence } from './read-evidence.ts';
import { skewedClock } from './skewed-clock.ts';
import type { Callers } from './traffic.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 60_000 });
});
afterAll(() => at.close());

const closing: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

const SKEW_MS = 30_000;

it('serves engines whose clocks are 30 s ahead and 30 s behind, by deadlines of the brokers', async () => {
  const callers = await skewedCallers({ writerMs: SKEW_MS, readerMs: -SKEW_MS });
  const { checked } = await at.prove({
    name: 'engines',
    callers,
    users: 20,
    stepsPerUser: 10,
    timeoutMs: 3_000,
    during: (traffic) => traffic.done,
  });
  expect(checked.errors).toBe(0);
});

it.each([
  { clock: 'ahead', ms: SKEW_MS },
  { clock: 'behind', ms: -SKEW_MS },
])('serves with a worker whose clock is 30 s $clock, beside one that is right', async ({ clock, ms }) => {
  const skewed = await at.startWorker(skewedClock(ms));
  const { checked } = await at.prove({
    name: clock,
    users: 20,
    stepsPerUser: 10,
    during: (traffic) => traffic.done,
  });
  await skewed.stop();
  expect(checked.errors).toBe(0);
  const { audits } = await readEvidence(at.vault);
  expect(audits.filter(({ time, at: appended }) => Math.abs(time - appended - ms) < 5_000).length).toBeGreaterThan(0);
});

it('executes nothing and says so where a worker that is 30 s ahead takes every deadline for passed', async () => {
  await Promise.all(at.workers().map((worker) => worker.stop()));
  await at.startWorker(skewedClock(SKEW_MS));
  const asked = at.callers.writer.storeToken(
    { userId: 'hasty', platform: 'gmail', accessToken: 'abcd', scopes: [] },
    { timeoutMs: 5_000 },
  );
  await expect(asked).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true });
  const { audits, events } = await readEvidence(at.vault);
  expect(events.filter(({ user_id }) => user_id === 'hasty')).toEqual([]);
  expect(audits.filter(({ user_id }) => user_id === 'hasty')).toMatchObject([{ result: 'deadline_exceeded' }]);
});

/** Engines as `connectVault` makes them, with clocks of their own. */
const skewedCallers = async ({ writerMs, readerMs }: { writerMs: number; readerMs: number }): Promise<Callers> => {
  const [writer, reader] = [await skewed('action', writerMs), await skewed('sync', readerMs)];
  return {
    writer: {
      storeToken: (input, how) => writer.caller.call(writer.keys, storeToken(input), how),
      revokeToken: (input, how) => writer.caller.call(writer.keys, revokeToken(input), how),
      forgetUser: (input, how) => writer.caller.call(writer.keys, forgetUser(input), how),
    },
    reader: {
      getToken: (input, how) => reader.caller.call(reader.keys, getToken(input), how),
      getStatus: (input, how) => reader.caller.call(reader.keys, getStatus(input), how),
    },
  };
};

const skewed = async (engine: string, ms: number) => {
  const { bus, codec, topics } = at.vault;
  const now = (): number => Date.now() + ms;
  const replyTopic = topics.replies(engine);
  const caller = await openCaller({ bus, codec, commandsTopic: topics.commands, replyTopic, now });
  closing.push(() => caller.close());
  return { caller, keys: keysOf(engine) };
};

const keysOf = (engine: string): EngineKeys => {
  const credential = parseCredential(at.vault.engines[engine]?.kafka.key ?? '');
  if (!credential.ok) throw new Error(`${engine} has no credential`);
  return deriveEngineKeys(engine, credential.value);
};
