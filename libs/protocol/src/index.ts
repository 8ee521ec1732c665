export * from './change-keys.ts';
export {
  type CommandHead,
  type CommandHeaders,
  encodeCommandHeaders,
  type HeaderRefusal,
  parseCommandHeaders,
  type Signature,
  timeoutIn,
} from './command-headers.ts';
export {
  type Credential,
  credentialDigest,
  deriveEngineKeys,
  type EngineKeys,
  exportSubkeys,
  importSubkeys,
  mintCredential,
  parseCredential,
  revealCredential,
} from './credential.ts';
export {
  allowed,
  type EngineEntry,
  type EntryContent,
  type EntryKey,
  type EntryRefusal,
  type Grant,
  isUsable,
  type KeyState,
  type KeyUse,
  type OpenEntry,
  type OpenKey,
  openEntry,
  type Rate,
  sealEntry,
} from './engine-entry.ts';
export * from './freshness.ts';
export {
  HEADER,
  type HeaderName,
  type Headers,
  isEngineId,
  isIdempotencyKey,
  isKid,
  MAX_TIMEOUT_MS,
  uuidText,
} from './header-fields.ts';
export { encodeReplyHeaders, parseReplyHeaders, type ReplyHeaders } from './reply-headers.ts';
export * from './seal-token.ts';
export { type CommandMessage, type ReplyHead, signReply, signRequest, verifyReply, verifyRequest } from './sign.ts';
