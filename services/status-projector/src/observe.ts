import { beginAtZero, type ServiceContext } from '@vault-engine/runtime';
import type { Drift, Projected } from '@vault-engine/state/projecting';
import { Counter, Gauge, Histogram } from 'prom-client';

/** What the projector tells of its work. No label names a user. */
export interface Observed {
  /** An event was worked off; `appendedAt` is the broker's time of it, Unix milliseconds. */
  readonly followed: (projected: Projected, appendedAt: number) => void;
  /** A message that buried a newer one has been overwritten. */
  readonly republished: () => void;
  /** Topic and store differed about a user, and no more. */
  readonly mended: (drift: Drift) => void;
  /** All users have been compared. */
  readonly reconciled: (durationMs: number) => void;
  /** An event or a message of the state topic says nothing. */
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
};

/** Opens the metrics; all series begin at 0. `users` answers how many users the topic has a snapshot of. */
export const observe = (
  { metrics }: Pick<ServiceContext<unknown>, 'metrics'>,
  { users, buried }: { readonly users: () => number; readonly buried: () => number },
  now: () => number,
): Observed => {
  const registers = [metrics];
  const events = new Counter({
    name: 'vault_state_events_total',
    help: 'Connection events that were worked off, by what that published',
    labelNames: ['published'],
    registers,
  });
  const delay = new Histogram({
    name: 'vault_state_delay_seconds',
    help: "From the broker's append of an event to the acknowledgement of the snapshot that shows it",
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  });
  const republications = new Counter({
    name: 'vault_state_renewed_total',
    help: 'Snapshots that were published afresh because an older or unreadable message followed them',
    registers,
  });
  const drift = new Counter({
    name: 'vault_state_drift_total',
    help: 'Users about whom topic and store differed, found and mended by the reconciliation',
    labelNames: ['kind'],
    registers,
  });
  const unreadable = new Counter({
    name: 'vault_state_unreadable_total',
    help: 'Messages that could not be read, by topic',
    labelNames: ['topic'],
    registers,
  });
  const lastWalk = new Gauge({
    name: 'vault_state_reconciled_timestamp_seconds',
    help: 'When the last reconciliation ended, Unix time',
    registers,
  });
  const walk = new Gauge({
    name: 'vault_state_reconciliation_duration_seconds',
    help: 'How long the last reconciliation took',
    registers,
  });
  gauge(registers, 'vault_state_users', 'Users that the topic has a snapshot of', users);
  gauge(registers, 'vault_state_buried', 'Users whose newest message is followed by one that buries it', buried);
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
      lastWalk.set(now() / 1_000);
      walk.set(durationMs / 1_000);
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
  const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
};
