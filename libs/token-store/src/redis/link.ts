import type { Redis } from 'ioredis';
import type { OnQuarantined } from '../quarantine.ts';
import type { WantedConnection } from './gather-reads.ts';
import type { Keys } from './keys.ts';
import type { RecentConnections } from './recent-connections.ts';

/** What every operation of the store works with. */
export interface Link {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Repeats attempts within the store's time limits: `retryTransient` with the store's policy. */
  readonly retry: <T>(attempt: (again: boolean) => Promise<T>) => Promise<T>;
  /** Reads a user's row and a record; see `gatherReads`. */
  readonly read: (wanted: WantedConnection) => Promise<unknown>;
  readonly recent: RecentConnections;
  readonly onQuarantined: OnQuarantined;
  /** Names this store as owner of the drain lease: random, new for each store. */
  readonly processId: string;
  /** How many replicas must acknowledge a write before its call resolves, and within which time. */
  readonly replicas: { readonly count: number; readonly withinMs: number } | null;
}
