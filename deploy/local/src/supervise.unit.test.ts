import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Supervised, supervise } from './supervise.ts';

let folder: string;
let stopping: AbortController;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vault-engine-supervise-'));
  stopping = new AbortController();
});
afterEach(() => {
  stopping.abort();
  rmSync(folder, { recursive: true });
});

/** Something that ends when the test says so. */
const openPart = () => {
  let end = Promise.withResolvers<string>();
  const state = { problem: null as string | null, restarts: 0, broken: false };
  const part: Supervised = {
    title: 'Redis',
    logFile: join(folder, 'redis.log'),
    problem: async () => state.problem,
    ended: () => end.promise,
    restart: async () => {
      if (state.broken) throw new Error('no such program');
      state.restarts += 1;
      end = Promise.withResolvers();
    },
  };
  return { part, state, end: (how: string) => end.resolve(how) };
};

const watch = (part: Supervised) => {
  const lines: string[] = [];
  const givenUp: string[] = [];
  supervise([part], {
    log: (line) => lines.push(line),
    onGiveUp: (what) => givenUp.push(what),
    stopping: stopping.signal,
    maxRestarts: 2,
    pollMs: 5,
  });
  return { lines, givenUp };
};

test('a part that ends is named with the reason and restarted', async () => {
  const { part, state, end } = openPart();
  const { lines } = watch(part);
  end('SIGKILL');
  await vi.waitFor(() => expect(lines.at(-1)).toBe('✓ Redis is running again'));
  expect(lines[0]).toBe(`✗ Redis ended (SIGKILL); restarting it, log in ${part.logFile}`);
  expect(state.restarts).toBe(1);
});

test('a part that keeps ending is given up after its restarts', async () => {
  const { part, state, end } = openPart();
  const { givenUp } = watch(part);
  for (let ends = 1; ends <= 3; ends += 1) {
    end('exit code 1');
    await vi.waitFor(() => expect(state.restarts + givenUp.length).toBe(ends));
  }
  expect(givenUp).toEqual([expect.stringMatching(/^✗ Redis ended \(exit code 1\) 3 times in 60 s\n/)]);
  expect(state.restarts).toBe(2);
});

test('a part that cannot be restarted is given up with the reason', async () => {
  const { part, state, end } = openPart();
  state.broken = true;
  const { givenUp } = watch(part);
  end('SIGKILL');
  await vi.waitFor(() => expect(givenUp).toEqual(['✗ Redis could not be restarted: no such program']));
});

test('a problem is reported once, and once when it is over', async () => {
  const { part, state } = openPart();
  const { lines } = watch(part);
  state.problem = 'does not answer';
  await vi.waitFor(() => expect(lines).toEqual(['✗ Redis: does not answer']));
  state.problem = null;
  await vi.waitFor(() => expect(lines).toEqual(['✗ Redis: does not answer', '✓ Redis: works again']));
});

test('nothing is reported or restarted once everything is stopped', async () => {
  const { part, state, end } = openPart();
  const { lines, givenUp } = watch(part);
  stopping.abort();
  end('exit code 0');
  state.problem = 'does not answer';
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([lines, givenUp, state.restarts]).toEqual([[], [], 0]);
});
