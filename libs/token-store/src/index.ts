export type { OnQuarantined, Quarantine, QuarantineEntry, QuarantineKind } from './quarantine.ts';
export { StoreNotDurable } from './redis/check-durability.ts';
export type { StoreLog } from './redis/connect.ts';
export { CommandRefused } from './redis/faults.ts';
export { openRedisStore, type RedisStore, type RedisStoreOptions } from './redis/open.ts';
