import { createPublisher } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import { followStates, StateMarks } from '@vault-engine/state';
import { openProjection, type Projection } from '@vault-engine/state/projecting';
import { openRedisStore } from '@vault-engine/token-store';
import type { TokenStore } from '@vault-engine/vault';
import type { StateConfig } from './config.ts';
import { openBus } from './open-bus.ts';

/** Topic and store, open side by side. */
export interface OpenStates {
  readonly store: TokenStore;
  /** What the topic holds, read whole and followed. */
  readonly marks: StateMarks;
  readonly projection: Projection;
}

/** Runs `use` with the state topic read whole and the store open. */
export const withStates = async <T>(config: StateConfig, use: (states: OpenStates) => Promise<T>): Promise<T> => {
  const { kafka, registry, redis, environment } = config;
  const topic = topicNames(kafka.topicPrefix).connectionState;
  const codec = await openCodec({ registryUrl: registry.url, types: ['ConnectionState'] });
  const store = await openRedisStore({ ...redis, requireDurable: environment === 'production' });
  const bus = openBus(kafka);
  const publisher = createPublisher(bus);
  const marks = new StateMarks(Date.now);
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const onRecord = (record: Parameters<StateMarks['take']>[0]): void => void marks.take(record);
  const closing: (() => Promise<void>)[] = [() => store.close(), () => publisher.close()];
  try {
    // The topic comes again from its beginning after a reset: what was known of it is void.
    const onReset = (): void => marks.clear();
    const following = await followStates({ bus, codec, topic, onRecord, onReset, onFatal: lost.reject });
    closing.push(() => following.close());
    await Promise.race([following.ready, lost.promise]);
    const projection = openProjection({ store, codec, publisher, topic, marks, now: Date.now });
    return await Promise.race([use({ store, marks, projection }), lost.promise]);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
};
