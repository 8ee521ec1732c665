// What crosses Kafka: canonical encoding, MACs, key derivation and the sealed box, without the envelope of tokens at rest.
export { canon, type Field } from './canon.ts';
export { hkdfKey, type Random } from './derive.ts';
export { equalBytes, hmacSha256, lastingHmacSha256, sha256 } from './mac.ts';
export { BOX_OVERHEAD_BYTES, type BoxRefusal, openBox, sealBox } from './seal-box.ts';
export type { Result, Secret } from './secret.ts';
