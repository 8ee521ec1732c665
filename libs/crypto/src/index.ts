export { type DataKey, dataKey, type UnlockedRecord } from './data-key.ts';
export { type ClearMetadata, metadataHash } from './metadata-hash.ts';
export {
  type Ciphertext,
  ciphertext,
  openRecord,
  openUnlocked,
  type RecordContext,
  type RecordRefusal,
  sealRecord,
  unlockRecord,
} from './seal-record.ts';
export * from './wire.ts';
export {
  type BranchKey,
  type BranchKeyName,
  branchOf,
  type DataKeyContext,
  type UnwrapRefusal,
  unwrapDataKey,
  wrapDataKey,
} from './wrap-data-key.ts';
