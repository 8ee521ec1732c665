export { canon, type Field } from './canon.ts';
export { type Ciphertext, ciphertext } from './ciphertext.ts';
export { type DataKey, dataKey } from './data-key.ts';
export { hkdfKey, type Random } from './derive.ts';
export { equalBytes, hmacSha256, lastingHmacSha256, sha256 } from './mac.ts';
export { type ClearMetadata, metadataHash } from './metadata-hash.ts';
export type { Result } from './result.ts';
export { BOX_OVERHEAD_BYTES, type BoxRefusal, openBox, sealBox } from './seal-box.ts';
export {
  openRecord,
  openUnlocked,
  type RecordContext,
  type RecordRefusal,
  sealRecord,
  type UnlockedRecord,
  unlockRecord,
} from './seal-record.ts';
export type { Secret } from './secret.ts';
