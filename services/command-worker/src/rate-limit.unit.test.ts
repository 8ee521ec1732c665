import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateLimit } from './rate-limit.ts';

describe('rateLimit', () => {
  it('lets a burst through, then says how long to wait', () => {
    const take = rateLimit();
    const rate = { perSecond: 10, burst: 2 };
    expect([take('sync', rate, 0), take('sync', rate, 0), take('sync', rate, 0)]).toEqual([0, 0, 100]);
    expect(take('sync', rate, 100)).toBe(0);
  });

  it('keeps engines apart', () => {
    const take = rateLimit();
    const rate = { perSecond: 1, burst: 1 };
    expect([take('sync', rate, 0), take('action', rate, 0)]).toEqual([0, 0]);
  });

  it('never lets more through than burst plus rate times time, whatever the arrivals', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (gaps) => {
        const take = rateLimit();
        let now = 0;
        let passed = 0;
        for (const gap of gaps) {
          now += gap;
          if (take('e', { perSecond: 20, burst: 5 }, now) === 0) passed += 1;
        }
        expect(passed).toBeLessThanOrEqual(5 + (now * 20) / 1_000 + 1e-6);
      }),
    );
  });

  it('is served after the time that it named', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 50 }), (perSecond, burst) => {
        const take = rateLimit();
        const rate = { perSecond, burst };
        for (let i = 0; i < burst; i += 1) take('e', rate, 0);
        expect(take('e', rate, take('e', rate, 0) + 1)).toBe(0);
      }),
    );
  });
});
