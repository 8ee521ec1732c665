export {
  type Codec,
  type CodecOptions,
  type Decoded,
  type DecodedRecord,
  isRecord,
  openCodec,
  type UndecodableReason,
  type Unframed,
  unframe,
} from './codec.ts';
export * from './errors.ts';
export * from './records.ts';
export * from './topics.ts';
