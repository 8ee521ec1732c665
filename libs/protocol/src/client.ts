// The engine's end of the protocol, without the engines table: what the client SDK loads.
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
