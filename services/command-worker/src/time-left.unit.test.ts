import type { BusRecord } from '@vault-engine/bus';
import { HEADER } from '@vault-engine/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arrivesLate } from './time-left.ts';

const recordOf = (timestamp: number, timeout: string | null): BusRecord => ({
  topic: 'vault.commands',
  partition: 0,
  offset: 0n,
  timestamp,
  key: null,
  value: null,
  headers: timeout === null ? {} : { [HEADER.timeoutMs]: Buffer.from(timeout) },
});

it('takes a record for late from its deadline on, and not before', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 600_000 }), (appended, timeoutMs) => {
      const record = recordOf(appended, String(timeoutMs));
      expect(arrivesLate(record, appended + timeoutMs - 1)).toBe(false);
      expect(arrivesLate(record, appended + timeoutMs)).toBe(true);
    }),
  );
});

it.each([null, '', 'soon', '-5'])('takes a record whose timeout reads %j for in time', (timeout) => {
  expect(arrivesLate(recordOf(0, timeout), Number.MAX_SAFE_INTEGER)).toBe(false);
});
