import { Gauge } from 'prom-client';
import type { ServiceContext } from './run-service.ts';

/** The part of a Kafka consumer that this file observes; `@vault-engine/bus` has one. */
export interface ObservableConsumer {
  readonly stats: () => {
    readonly partitions: readonly {
      readonly topic: string;
      readonly partition: number;
      /** Records between the committable position and the log's end; null: not known yet. */
      readonly lag: number | null;
      /** Age of the oldest uncommitted record; null: there is none. */
      readonly oldestUncommittedMs: number | null;
    }[];
  };
  /** Rejects with a stated reason while the consumer does not advance. */
  readonly probe: () => Promise<void>;
}

/** Opens the gauges of a consumer's partitions and makes its probe a part of the service's readiness. */
export const observeConsumer = (
  { metrics, watch }: Pick<ServiceContext<unknown>, 'metrics' | 'watch'>,
  part: string,
  consumer: ObservableConsumer,
): void => {
  const options = { labelNames: ['topic', 'partition'] as const, registers: [metrics] };
  new Gauge({
    ...options,
    name: 'vault_consumer_lag',
    help: 'Records between the committable position of an assigned partition and the end of its log',
    collect() {
      this.reset();
      for (const { topic, partition, lag } of consumer.stats().partitions)
        if (lag !== null) this.set({ topic, partition }, lag);
    },
  });
  new Gauge({
    ...options,
    name: 'vault_consumer_oldest_uncommitted_seconds',
    help: 'Age of the oldest uncommitted record of an assigned partition; 0 if there is none',
    collect() {
      this.reset();
      for (const { topic, partition, oldestUncommittedMs } of consumer.stats().partitions)
        this.set({ topic, partition }, (oldestUncommittedMs ?? 0) / 1_000);
    },
  });
  watch(part, () => consumer.probe());
};
