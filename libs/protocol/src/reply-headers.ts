import type { HeaderRefusal } from './command-headers.ts';
import { base64url32, parseCommandId, parseType } from './field-forms.ts';
import { HEADER, type HeaderName, type Headers } from './header-names.ts';

/** The parsed headers of a reply. */
export interface ReplyHeaders {
  readonly commandId: Buffer;
  readonly replyType: string;
  /** Null: the reply is not signed. It proves nothing and must not be acted on. */
  readonly signature: { readonly kid: string; readonly mac: Buffer } | null;
}

/** NestJS looks only whether the header is there; its own server writes one zero byte. */
const DISPOSED = Buffer.alloc(1);

/**
 * The headers of a reply: the correlation header as the command had it, and `x-vault-mac` as `v1.<kid>.<MAC base64url>`.
 * A null signature leaves it out, which is done for the `unauthorized_engine` note alone.
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

/** Parses the headers of a reply. A MAC that is there must be well formed. */
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
