import { reveal } from '@vault-engine/crypto/plaintext';
import { type ClientAuth, ClientSecretPost, None } from 'oauth4webapi';
import type { ClientCredentials } from './client-credentials.ts';

/** How the client authenticates (RFC 6749 §2.3.1). One without a secret is public and names itself only. */
export const authenticateClient = (method: 'post' | 'basic' | 'none', { secret }: ClientCredentials): ClientAuth => {
  if (secret === null || method === 'none') return None();
  const text = reveal(secret).toString();
  return method === 'post' ? ClientSecretPost(text) : basic(text);
};

/**
 * HTTP Basic. The values are form-encoded as the RFC demands, but `-`, `.` and `_` stay as they are: servers that decode
 * read the same, and the many that do not decode would refuse an escaped client id.
 */
const basic =
  (secret: string): ClientAuth =>
  (_server, client, _body, headers) => {
    const credentials = `${formEncode(client.client_id)}:${formEncode(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };

const formEncode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
