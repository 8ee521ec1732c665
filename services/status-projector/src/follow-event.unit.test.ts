import { type BusRecord, PublishFailed } from '@vault-engine/bus';
import { type ConnectionChanged, type Decoded, RegistryUnavailable } from '@vault-engine/contracts';
import { PortUnavailable } from '@vault-engine/vault';
import { describe, expect, it, vi } from 'vitest';
import { followEvent } from './follow-event.ts';

const event: ConnectionChanged = {
  event_id: 'e1',
  user_id: 'u1',
  platform: 'gmail',
  revision: 7,
  occurred_at: 1,
  change: 'CONNECTED',
  engine: null,
  reason: null,
  status: null,
  suggested_action: null,
  expires_at: null,
  lapses_at: null,
};
const decoded = (value: ConnectionChanged): Decoded => ({ ok: true, name: 'ConnectionChanged', value });
const recordOf = (key: string | null): BusRecord => ({
  topic: 'events',
  partition: 0,
  offset: 3n,
  timestamp: 123,
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from('event'),
  headers: {},
});
const partsOf = (answer: () => Decoded | Promise<Decoded>) => ({
  codec: { decode: answer },
  projection: { follow: vi.fn(async () => 'snapshot' as const), mend: vi.fn(async () => 'outdated' as const) },
  onFollowed: vi.fn(),
  onUnreadable: vi.fn(),
});

describe('a connection event', () => {
  it('is followed by its revision, and reported with its append time', async () => {
    const parts = partsOf(() => decoded(event));
    expect(await followEvent(parts, recordOf('u1'))).toEqual({ kind: 'ack' });
    expect(parts.projection.follow).toHaveBeenCalledWith('u1', { revision: 7, forgotten: false });
    expect(parts.onFollowed).toHaveBeenCalledWith('snapshot', 123);
  });

  it('of a forgotten user is followed as such', async () => {
    const parts = partsOf(() => decoded({ ...event, platform: null, change: 'FORGOTTEN' }));
    await followEvent(parts, recordOf('u1'));
    expect(parts.projection.follow).toHaveBeenCalledWith('u1', { revision: 7, forgotten: true });
  });

  it.each([
    ['cannot be decoded', { ok: false, reason: 'undecodable' } as Decoded],
    ['is of another user than its key', decoded({ ...event, user_id: 'u2' })],
  ])('that %s has the user of its key compared', async (_what, answer) => {
    const parts = partsOf(() => answer);
    expect(await followEvent(parts, recordOf('u1'))).toEqual({ kind: 'ack' });
    expect(parts.onUnreadable).toHaveBeenCalledOnce();
    expect(parts.projection.mend).toHaveBeenCalledWith('u1');
    expect(parts.onFollowed).toHaveBeenCalledWith('snapshot', 123);
  });

  it('without a user is skipped', async () => {
    const parts = partsOf(() => decoded(event));
    expect(await followEvent(parts, recordOf(null))).toEqual({ kind: 'ack' });
    expect(parts.onUnreadable).toHaveBeenCalledOnce();
    expect(parts.projection.follow).not.toHaveBeenCalled();
  });

  it.each([
    ['the store', new PortUnavailable('storage', 'away')],
    ['the registry', new RegistryUnavailable('away')],
    ['the brokers', new PublishFailed('timeout', 'state')],
  ])('is retried while %s do not answer', async (_part, outage) => {
    const parts = partsOf(() => decoded(event));
    parts.projection.follow.mockRejectedValueOnce(outage);
    expect(await followEvent(parts, recordOf('u1'))).toMatchObject({ kind: 'retry' });
  });

  it('that fails otherwise is left to the keyed consumer', async () => {
    const parts = partsOf(() => decoded(event));
    parts.projection.follow.mockRejectedValueOnce(new TypeError('broken'));
    await expect(followEvent(parts, recordOf('u1'))).rejects.toThrow(TypeError);
  });
});
