import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type InFlightCommand, limitInFlight } from './in-flight.ts';

test('an engine at its limit of commands gets no further one until one ends, and other engines are not affected', () => {
  const inFlight = limitInFlight({ commands: 2, bytes: 1_000 });
  const first = inFlight.begin('sync', 10);
  expect(inFlight.begin('sync', 10)).not.toBeNull();
  expect(inFlight.begin('sync', 10)).toBeNull();
  expect(inFlight.begin('action', 10)).not.toBeNull();
  first?.end();
  expect(inFlight.begin('sync', 10)).not.toBeNull();
});

test('an engine at its limit of bytes gets no further command, and no reply counts', () => {
  const inFlight = limitInFlight({ commands: 10, bytes: 100 });
  const command = inFlight.begin('sync', 60);
  expect(inFlight.begin('sync', 41)).toBeNull();
  expect(command?.grow(41)).toBe(false);
  expect(command?.grow(40)).toBe(true);
  expect(inFlight.begin('sync', 1)).toBeNull();
  command?.end();
  expect(inFlight.begin('sync', 100)).not.toBeNull();
});

test('the counts never exceed the limits, and are 0 when all commands have ended, in any order', () => {
  const step = fc.record({ bytes: fc.nat(60), grow: fc.nat(60), ends: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = { commands: 5, bytes: 100 };
      const inFlight = limitInFlight(limits);
      const open: { command: InFlightCommand; bytes: number }[] = [];
      const bytes = () => open.reduce((sum, each) => sum + each.bytes, 0);
      for (const { bytes: initial, grow, ends } of steps) {
        const command = inFlight.begin('sync', initial);
        expect(command !== null).toBe(open.length < limits.commands && bytes() + initial <= limits.bytes);
        if (command !== null) open.push({ command, bytes: initial });
        const last = open.at(-1);
        if (last?.command.grow(grow)) last.bytes += grow;
        expect(bytes()).toBeLessThanOrEqual(limits.bytes);
        expect(inFlight.commandsOf('sync')).toBe(open.length);
        for (const { command: ended } of open.splice(0, ends)) ended.end();
      }
      for (const { command } of open) command.end();
      expect(inFlight.commandsOf('sync')).toBe(0);
      expect(inFlight.begin('sync', limits.bytes)).not.toBeNull();
    }),
  );
});
