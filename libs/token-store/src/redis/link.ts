import type { Redis } from 'ioredis';
import type { WantedConnection } from './gather-reads.ts';
import type { Keys } from './keys.ts';
import type { RecentConnections } from './recent-connections.ts';

/** What every operation works with. */
export interface Link {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Makes attempts within the store's time limits; see `persist.ts`. */
  readonly persist: <T>(attempt: (again: boolean) => Promise<T>) => Promise<T>;
  /** Reads a user's row and a record; see `gather-reads.ts`. */
  readonly read: (wanted: WantedConnection) => Promise<unknown>;
  readonly recent: RecentConnections;
  /** How many replicas acknowledge a write before it is answered, and how long they have. */
  readonly replicas: { readonly count: number; readonly withinMs: number } | null;
}
