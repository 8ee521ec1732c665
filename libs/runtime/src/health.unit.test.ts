import { describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';

describe('readiness', () => {
  it('needs a finished start and every part', () => {
    const health = createHealth();
    health.set('store', { state: 'ready' });
    expect(health.report().ready).toBe(false);
    health.started();
    expect(health.report().ready).toBe(true);
    health.set('bus', { state: 'waiting', reason: 'Error ECONNREFUSED' });
    expect(health.report()).toEqual({
      ready: false,
      stopping: false,
      parts: { store: { state: 'ready' }, bus: { state: 'waiting', reason: 'Error ECONNREFUSED' } },
    });
  });

  it('ends when the service stops', () => {
    const health = createHealth();
    health.started();
    health.stopping();
    expect(health.report()).toMatchObject({ ready: false, stopping: true });
  });

  it('distinguishes a change of state from a repetition', () => {
    const health = createHealth();
    expect(health.set('a', { state: 'waiting', reason: 'x' })).toBe(true);
    expect(health.set('a', { state: 'waiting', reason: 'x' })).toBe(false);
    expect(health.set('a', { state: 'waiting', reason: 'y' })).toBe(true);
    expect(health.set('a', { state: 'ready' })).toBe(true);
    expect(health.set('a', { state: 'ready' })).toBe(false);
  });
});
