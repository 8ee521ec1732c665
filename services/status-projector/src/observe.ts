import { beginAtZero, type ServiceContext } from '@vault-engine/runtime';
import type { Drift, Projected } from '@vault-engine/state/projecting';
import { Counter, Gauge, Histogram } from 'prom-client';

/** Metrics of the projector. No label contains a user id. */
export interface Observed {
  /** An event was processed; `appendedAt` is its broker timestamp, Unix milliseconds. */
  readonly followed: (projected: Projected, appendedAt: number) => void;
  /** A superseded snapshot was published again. */
  readonly republished: () => void;
  /** A difference between topic and store was corrected. */
  readonly mended: (drift: Drift) => void;
  /** A reconciliation of all users has ended. */
  readonly reconciled: (durationMs: number) => void;
  /** A record of one of the topics could not be decoded. */
  readonly unreadable: (topic: 'events' | 'state') => void;
}

/** The label of an event after which nothing had to be published. */
const NOTHING = 'nothing';

const DRIFTS: Readonly<Record<Drift, true>> = {
  missing: true,
  outdated: true,
  different: true,
  store_behind: true,
  surplus: true,
  unreadable: true,
};

/** Registers the metrics; all series begin at 0. `users` is the number of users with a snapshot on the topic. */
export const observe = (
  { metrics }: Pick<ServiceContext<unknown>, 'metrics'>,
  { users, superseded }: { readonly users: () => number; readonly superseded: () => number },
  now: () => number,
): Observed => {
  const registers = [metrics];
  const events = new Counter({
    name: 'vault_state_events_total',
    help: 'Processed connection events by what was published',
    labelNames: ['published'],
    registers,
  });
  const delay = new Histogram({
    name: 'vault_state_delay_seconds',
    help: "Time from the broker's append of an event to the acknowledgement of its snapshot",
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  });
  const republications = new Counter({
    name: 'vault_state_renewed_total',
    help: 'Snapshots published again because an older or unreadable record followed them',
    registers,
  });
  const drift = new Counter({
    name: 'vault_state_drift_total',
    help: 'Users for whom topic and store differed, found and corrected by the reconciliation',
    labelNames: ['kind'],
    registers,
  });
  const unreadable = new Counter({
    name: 'vault_state_unreadable_total',
    help: 'Records that could not be decoded, by topic',
    labelNames: ['topic'],
    registers,
  });
  const lastReconciliation = new Gauge({
    name: 'vault_state_reconciled_timestamp_seconds',
    help: 'End of the last reconciliation, Unix time',
    registers,
  });
  const reconciliation = new Gauge({
    name: 'vault_state_reconciliation_duration_seconds',
    help: 'Duration of the last reconciliation',
    registers,
  });
  gauge(registers, 'vault_state_users', 'Users with a snapshot on the topic', users);
  gauge(
    registers,
    'vault_state_buried',
    'Users whose newest snapshot is followed by an older or unreadable record',
    superseded,
  );
  beginAtZero(events, { published: ['snapshot', 'tombstone', NOTHING] });
  beginAtZero(drift, { kind: Object.keys(DRIFTS) });
  beginAtZero(unreadable, { topic: ['events', 'state'] });
  return {
    followed: (projected, appendedAt) => {
      events.inc({ published: projected ?? NOTHING });
      if (projected !== null) delay.observe(Math.max(0, now() - appendedAt) / 1_000);
    },
    republished: () => republications.inc(),
    mended: (kind) => drift.inc({ kind }),
    reconciled: (durationMs) => {
      lastReconciliation.set(now() / 1_000);
      reconciliation.set(durationMs / 1_000);
    },
    unreadable: (topic) => unreadable.inc({ topic }),
  };
};

const gauge = (
  registers: ServiceContext<unknown>['metrics'][],
  name: string,
  help: string,
  read: () => number,
): void => {
  const instance: Gauge = new Gauge({ name, help, registers, collect: () => instance.set(read()) });
};
