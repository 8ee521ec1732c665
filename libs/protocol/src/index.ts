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
export * from './credential.ts';
export {
  type EngineEntry,
  type EntryContent,
  type EntryKey,
  type EntryRefusal,
  isUsable,
  type KeyState,
  type KeyUse,
  type OpenEntry,
  type OpenKey,
  openEntry,
  type Rate,
  sealEntry,
} from './engine-entry.ts';
export { deriveEngineKeys, type EngineKeys, exportSubkeys, importSubkeys } from './engine-keys.ts';
export { isEngineId, isIdempotencyKey, isKid, MAX_TIMEOUT_MS, uuidText } from './field-forms.ts';
export * from './freshness.ts';
export * from './grants.ts';
export { HEADER, type HeaderName, type Headers } from './header-names.ts';
export { encodeReplyHeaders, parseReplyHeaders, type ReplyHeaders } from './reply-headers.ts';
export * from './seal-token.ts';
export { type ReplyHead, signReply, verifyReply } from './sign-reply.ts';
export { type CommandMessage, signRequest, verifyRequest } from './sign-request.ts';
