import { expect, it } from 'vitest';
import { readArguments } from './arguments.ts';

it('compares all, in full, where nothing is said', () => {
  expect(readArguments([])).toEqual({
    suite: 'commands',
    users: null,
    json: null,
    quick: false,
    workers: [],
    profile: false,
  });
});

it('takes a file, a short run, numbers of workers, a profile', () => {
  expect(readArguments(['--quick', '--json', 'f.json'])).toMatchObject({ quick: true, json: 'f.json' });
  expect(readArguments(['--workers', '1,2,4']).workers).toEqual([1, 2, 4]);
  expect(readArguments(['--profile']).profile).toBe(true);
});

it('takes a suite, and how many users it has', () => {
  expect(readArguments(['--suite', 'state', '--users', '5000'])).toMatchObject({ suite: 'state', users: 5_000 });
  expect(() => readArguments(['--suite', 'dance'])).toThrow(
    '--suite takes one of commands, floor, state, refresh, not "dance"',
  );
  expect(() => readArguments(['--users', '1'])).toThrow('--users takes a number from 1000 on');
});

it.each(['0', '1,x', '9', ''])('refuses "%s" workers', (workers) => {
  expect(() => readArguments([`--workers=${workers}`])).toThrow('--workers takes numbers from 1 to 8');
});
