import { randomBytes } from 'node:crypto';
import { deriveEngineKeys, mintCredential } from '@vault-engine/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { getToken } from './get-token.ts';
import { PendingCalls, type Request } from './pending-calls.ts';
import { VaultTimeout } from './vault-error.ts';

const keys = deriveEngineKeys('action', mintCredential());
const requestOf = (signal?: AbortSignal): Request<unknown> => ({
  requestId: 'a request',
  keys,
  operation: getToken({ userId: 'u1', platform: 'gmail' }),
  head: { replyTopic: 'replies', commandId: randomBytes(16), requestMac: randomBytes(32) },
  timeoutMs: 100,
  signal,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a settled call leaves no timer, no listener and no entry', async () => {
  const pending = new PendingCalls();
  const abort = new AbortController();
  const removed = vi.spyOn(abort.signal, 'removeEventListener');
  const requests = [requestOf(abort.signal), requestOf(abort.signal), requestOf(abort.signal)] as const;
  const [answered, refused, late] = requests.map((request) => pending.wait(request));
  pending.get(requests[0].head.commandId)?.resolve('an answer');
  pending.get(requests[1].head.commandId)?.reject(new Error('a refusal'));
  await expect(answered).resolves.toBe('an answer');
  await expect(refused).rejects.toThrow('a refusal');
  const timedOut = expect(late).rejects.toBeInstanceOf(VaultTimeout);
  await vi.advanceTimersByTimeAsync(100);
  await timedOut;
  expect(vi.getTimerCount()).toBe(0);
  expect(removed).toHaveBeenCalledTimes(3);
  expect(requests.map(({ head }) => pending.get(head.commandId))).toEqual([undefined, undefined, undefined]);
});

test('an unsigned notice applies to requests under its key within a second, until a reply contradicts it', async () => {
  const pending = new PendingCalls();
  const timeout = async () => {
    const waiting = pending.wait(requestOf()).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(100);
    return waiting;
  };
  const noted = requestOf();
  const waiting = pending.wait(noted).catch((error: unknown) => error);
  const call = pending.get(noted.head.commandId);
  if (call === undefined) throw new Error('the call does not wait');
  pending.question(call);
  await vi.advanceTimersByTimeAsync(100);
  expect(await waiting).toMatchObject({ credentialQuestioned: true });
  expect(await timeout()).toMatchObject({ credentialQuestioned: true });
  pending.vindicate(call);
  expect(await timeout()).toMatchObject({ credentialQuestioned: false });
  pending.question(call);
  await vi.advanceTimersByTimeAsync(1_001);
  expect(await timeout()).toMatchObject({ credentialQuestioned: false });
});
