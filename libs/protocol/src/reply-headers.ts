import type { HeaderRefusal } from './command-headers.ts';
import { base64url32, HEADER, type HeaderName, type Headers, parseCommandId, parseType } from './header-fields.ts';

/** The parsed headers of a reply. */
export interface ReplyHeaders {
  readonly commandId: Buffer;
  readonly replyType: string;
  /** Null for an unsigned reply, which proves nothing and must not end a request. */
  readonly signature: { readonly kid: string; readonly mac: Buffer } | null;
}

/** NestJS checks only that the header exists; its own server writes one zero byte. */
const DISPOSED = Buffer.alloc(1);

/**
 * The headers of a reply: the command's correlation header, and `x-vault-mac` as `v1.<kid>.<MAC base64url>`. A null
 * signature omits `x-vault-mac`; only the `unauthorized_engine` notice is unsigned.
 */
export const encodeReplyHeaders = (
  correlation: Buffer,
  replyType: string,
  signature: ReplyHeaders['signature'],
): Record<string, Buffer> => ({
  [HEADER.correlationId]: correlation,
  [HEADER.replyType]: Buffer.from(replyType),
  [HEADER.nestIsDisposed]: DISPOSED,
  ...(signature === null
    ? {}
    : { [HEADER.vaultMac]: Buffer.from(`v1.${signature.kid}.${signature.mac.toString('base64url')}`) }),
});

/** Parses the headers of a reply. A malformed MAC is refused; an absent one gives a null signature. */
export const parseReplyHeaders = (
  headers: Headers,
): { readonly ok: true; readonly value: ReplyHeaders } | HeaderRefusal => {
  const correlation = headers[HEADER.correlationId];
  const type = headers[HEADER.replyType];
  const mac = headers[HEADER.vaultMac];
  if (correlation === undefined) return refuse('header_missing', HEADER.correlationId);
  if (type === undefined) return refuse('header_missing', HEADER.replyType);

  const commandId = parseCommandId(correlation);
  const replyType = parseType(type);
  const signature = mac === undefined ? null : parseVaultMac(mac);
  if (commandId === null) return refuse('header_malformed', HEADER.correlationId);
  if (replyType === null) return refuse('header_malformed', HEADER.replyType);
  if (signature === null && mac !== undefined) return refuse('header_malformed', HEADER.vaultMac);
  return { ok: true, value: { commandId, replyType, signature } };
};

const refuse = (reason: HeaderRefusal['reason'], header: HeaderName): HeaderRefusal => ({ ok: false, reason, header });

const VAULT_MAC = new RegExp(`^v1\\.([0-9a-f]{8})\\.(${base64url32})$`);
const VAULT_MAC_BYTES = 'v1.'.length + '01234567.'.length + 43;

const parseVaultMac = (bytes: Buffer): ReplyHeaders['signature'] => {
  if (bytes.length !== VAULT_MAC_BYTES) return null;
  const [, kid, mac] = VAULT_MAC.exec(bytes.toString('latin1')) ?? [];
  return kid === undefined || mac === undefined ? null : { kid, mac: Buffer.from(mac, 'base64url') };
};
