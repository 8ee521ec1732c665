import { createPublisher } from '@vault-engine/bus';
import { followStates } from '@vault-engine/state';
import { findDrift, openProjection, StateMarks } from '@vault-engine/state/projecting';
import { openRedisStore } from '@vault-engine/token-store';
import type { TestVault } from '../flow/open-vault.ts';
import { holdsWithin } from './holds-within.ts';

/** The projector joins its group again where its broker was away, and then works off what has come meanwhile. */
const CAUGHT_UP_WITHIN_MS = 30_000;

/**
 * The users whom the state topic and the store differ about, in words: what `vault state diff` finds once the projector has
 * caught up.
 */
export const differingStates = async (vault: TestVault): Promise<readonly string[]> => {
  const { bus, codec, place, topics } = vault;
  const topic = topics.connectionState;
  const store = await openRedisStore({ url: place.redisUrl, keyPrefix: place.keyPrefix, requireDurable: false });
  const publisher = createPublisher(bus);
  const marks = new StateMarks(Date.now);
  const following = await followStates({
    bus,
    codec,
    topic,
    onRecord: (record) => void marks.take(record),
    onReset: () => marks.clear(),
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    await following.ready;
    const { inspect } = openProjection({ store, codec, publisher, topic, marks, now: Date.now });
    const pace = async (): Promise<void> => undefined;
    let differing: readonly string[] = ['the states on the topic can not be compared with the store'];
    await holdsWithin(CAUGHT_UP_WITHIN_MS, async () => {
      const found = [...marks.buried()].map((user) => `${user}: the newest state on the topic is passed over`);
      for await (const { user, drift } of findDrift({ store, marks, inspect, pace, grace: pace }))
        found.push(`${user}: the state on the topic is ${drift}`);
      differing = found;
      return differing.length === 0;
    });
    return differing;
  } finally {
    await Promise.all([following.close(), publisher.close(), store.close()]);
  }
};
