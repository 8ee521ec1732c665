import { inspect } from 'node:util';
import { expect, test, vi } from 'vitest';
import { retryTransient } from './retry.ts';

const retryPolicy = { retryForMs: 250, attemptMs: 80, random: () => 0 };

const reply = (message: string) =>
  Object.assign(new Error(message), { name: 'ReplyError', command: { args: ['canary'] } });

test.each(['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN', 'READONLY', 'NOREPLICAS'])(
  'after %s the attempt is repeated with `again` set',
  async (word) => {
    const attempt = vi.fn(async (again: boolean) => {
      if (!again) throw reply(`${word} said the server`);
      return 'done';
    });
    expect(await retryTransient(retryPolicy, attempt)).toBe('done');
    expect(attempt.mock.calls).toEqual([[false], [true]]);
  },
);

test.each([
  ['a lost connection', Object.assign(new Error('lost'), { name: 'MaxRetriesPerRequestError' })],
  ['an aborted command', Object.assign(new Error('aborted'), { name: 'AbortError' })],
  ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
  ['a command that timed out', new Error('Command timed out')],
  ['a client without a connection', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
  ['a slot that migrates', reply('ERR Script attempted to access a non local key in a cluster node')],
])('after %s the attempt is repeated', async (_, error) => {
  const attempt = vi.fn().mockRejectedValueOnce(error).mockResolvedValue('done');
  expect(await retryTransient(retryPolicy, attempt)).toBe('done');
});

test.each(['OOM', 'MISCONF', 'NOAUTH', 'WRONGPASS', 'NOPERM', 'MOVED', 'ASK'])(
  'after %s there is no repetition: the store is unavailable',
  async (word) => {
    const attempt = vi.fn().mockRejectedValue(reply(`${word} said the server`));
    await expect(retryTransient(retryPolicy, attempt)).rejects.toMatchObject({
      name: 'PortUnavailable',
      port: 'storage',
    });
    expect(attempt).toHaveBeenCalledTimes(1);
  },
);

test('a command that the server does not understand is a broken invariant', async () => {
  const attempt = vi.fn().mockRejectedValue(reply('WRONGTYPE Operation against a key'));
  await expect(retryTransient(retryPolicy, attempt)).rejects.toMatchObject({
    name: 'CommandRefused',
    code: 'WRONGTYPE',
  });
  expect(attempt).toHaveBeenCalledTimes(1);
});

test('attempts that keep failing end within the time limit', async () => {
  const start = performance.now();
  const attempt = vi.fn().mockRejectedValue(reply('LOADING'));
  await expect(retryTransient(retryPolicy, attempt)).rejects.toMatchObject({ name: 'PortUnavailable' });
  expect(performance.now() - start).toBeLessThan(retryPolicy.retryForMs + 50);
  expect(attempt.mock.calls.length).toBeGreaterThan(2);
});

test('attempts without a reply end one by one, and all of them within the time limit', async () => {
  const start = performance.now();
  const attempt = vi.fn(() => new Promise<never>(() => undefined));
  await expect(retryTransient(retryPolicy, attempt)).rejects.toThrow('Redis is unavailable: no answer');
  expect(performance.now() - start).toBeLessThan(retryPolicy.retryForMs + 50);
  expect(attempt.mock.calls.length).toBeGreaterThan(1);
});

test.each([
  reply('LOADING canary'),
  reply('canary'),
  Object.assign(new Error('canary'), { code: 'canary' }),
  Object.assign(new Error('canary'), { name: 'AbortError', command: { args: ['canary'] } }),
])("nothing of the driver's own error is passed on (%#)", async (error) => {
  const thrown = await retryTransient({ ...retryPolicy, retryForMs: 1 }, () => Promise.reject(error)).catch(
    (it: unknown) => it,
  );
  expect(thrown).toBeInstanceOf(Error);
  expect(inspect(thrown, { depth: 10, showHidden: true }).split('\n    at ')[0]).not.toContain('canary');
});
