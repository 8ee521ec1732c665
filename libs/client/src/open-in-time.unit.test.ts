import { expect, it } from 'vitest';
import { openInTime } from './open-in-time.ts';
import { VaultClosed, VaultTimeout } from './vault-error.ts';

const asked = { requestId: 'r1', operation: { command: 'GetToken' }, timeoutMs: 400 };

/** Fails the given number of times, then opens. */
const opening = (failures: number, error = new Error('no broker')) => {
  let tries = 0;
  return async (): Promise<string> => {
    tries += 1;
    if (tries <= failures) throw error;
    return 'inbox';
  };
};

it('retries while the brokers are unavailable', async () => {
  await expect(openInTime(opening(1), asked, undefined)).resolves.toBe('inbox');
});

it("ends at the request's deadline, with the last failure as the cause", async () => {
  const error = new Error('no broker');
  const late = openInTime(opening(99, error), asked, undefined);
  await expect(late).rejects.toThrow(VaultTimeout);
  await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded', requestId: 'r1', cause: error });
});

it('ends immediately when the signal is aborted or the client is closed', async () => {
  const abort = new AbortController();
  const aborted = openInTime(opening(99), asked, abort.signal);
  abort.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(openInTime(opening(99, new VaultClosed()), asked, undefined)).rejects.toThrow(VaultClosed);
});
