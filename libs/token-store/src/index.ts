export { BrokenRow, type RowKind } from './broken-row.ts';
export { StoreNotDurable } from './redis/check-durability.ts';
export type { StoreLog } from './redis/connect.ts';
export { CommandRefused } from './redis/faults.ts';
export { openRedisStore, type RedisStoreOptions } from './redis/open.ts';
