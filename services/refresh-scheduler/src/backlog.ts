import type { DueStats } from '@vault-engine/vault';
import { Gauge, type Registry } from 'prom-client';
import type { Announced } from './announce.ts';
import type { QueueBacklog } from './open-queues.ts';

/** Sources of the figures about the whole system. */
export interface BacklogSources {
  /** The latest announcement; null if there is none that is still valid. */
  readonly announced: () => Announced | null;
  readonly dueStats: () => Promise<DueStats>;
  readonly queues: () => Promise<QueueBacklog>;
}

/** The due work that no scheduler has begun, and the refreshes in flight. */
interface Backlog {
  readonly indexed: number;
  readonly queued: number;
  readonly throttled: number;
  readonly oldestSeconds: number;
  readonly inFlight: ReadonlyMap<string, number>;
}

/** All gauges of one scrape share one reading. */
const SHARED_MS = 500;

/**
 * Registers the gauges of due work. Only the reporter among the schedulers exports them; all others, and the reporter during
 * an outage of Redis, export no series, so that neither a sum nor a maximum counts anything twice.
 */
export const openBacklogMetrics = (metrics: Registry, sources: BacklogSources): void => {
  const read = sharedFor(SHARED_MS, () => readBacklog(sources));
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    set: (instance: Gauge<Label>, backlog: Backlog) => void,
  ): void => {
    const instance = new Gauge<Label>({
      name,
      help,
      labelNames,
      registers: [metrics],
      collect: async () => {
        const backlog = await read();
        instance.reset();
        // prom-client sets a gauge without labels to 0 on reset; without a reading it must have no series.
        if (labelNames.length === 0) instance.remove();
        if (backlog !== null) set(instance, backlog);
      },
    });
  };
  gauge(
    'vault_refresh_backlog',
    'Due connections and flows that no scheduler has begun: in the due index, queued, or in a queue that pauses for its rate limit',
    ['state'],
    (instance, { indexed, queued, throttled }) => {
      instance.set({ state: 'indexed' }, indexed);
      instance.set({ state: 'queued' }, queued);
      instance.set({ state: 'throttled' }, throttled);
    },
  );
  gauge('vault_refresh_oldest_due_seconds', 'Age of the oldest entry of the backlog', [], (instance, backlog) =>
    instance.set(backlog.oldestSeconds),
  );
  gauge(
    'vault_refresh_leases',
    'Refreshes in flight by scheduler; each has a connection’s lease or waits for it',
    ['scheduler'],
    (instance, { inFlight }) => {
      for (const [scheduler, count] of inFlight) instance.set({ scheduler }, count);
    },
  );
  gauge('vault_refresh_leases_all', 'Refreshes in flight of all schedulers', [], (instance, { inFlight }) =>
    instance.set([...inFlight.values()].reduce((sum, count) => sum + count, 0)),
  );
};

/** Null: this process is not the reporter, or Redis does not answer. */
const readBacklog = async ({ announced, dueStats, queues }: BacklogSources): Promise<Backlog | null> => {
  const latest = announced();
  if (latest === null || !latest.isReporter) return null;
  try {
    const [due, { queued, throttled, oldestMs }] = await Promise.all([dueStats(), queues()]);
    const oldestSeconds = Math.max(due.oldestMs, oldestMs) / 1_000;
    return { indexed: due.count, queued, throttled, oldestSeconds, inFlight: latest.inFlight };
  } catch {
    // The outage is reported by the storage probe; a scrape must not fail because of it.
    return null;
  }
};

const sharedFor = <T>(ms: number, read: () => Promise<T>): (() => Promise<T>) => {
  let reading: { readonly at: number; readonly value: Promise<T> } | null = null;
  return () => {
    const now = performance.now();
    if (reading === null || now - reading.at > ms) reading = { at: now, value: read() };
    return reading.value;
  };
};
