export { canon, type Field } from './canon.ts';
export { type DataKey, dataKey, type UnlockedRecord } from './data-key.ts';
export { hkdfKey, type Random } from './derive.ts';
export { equalBytes, hmacSha256, lastingHmacSha256, sha256 } from './mac.ts';
export { type ClearMetadata, metadataHash } from './metadata-hash.ts';
export { BOX_OVERHEAD_BYTES, type BoxRefusal, openBox, sealBox } from './seal-box.ts';
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
export type { Result, Secret } from './secret.ts';
export {
  type BranchKey,
  type BranchKeyName,
  branchOf,
  type DataKeyContext,
  type UnwrapRefusal,
  unwrapDataKey,
  wrapDataKey,
} from './wrap-data-key.ts';
