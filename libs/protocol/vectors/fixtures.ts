import { type DataKey, dataKey, sha256 } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { type Credential, deriveEngineKeys } from '../src/index.ts';

/** Bytes that look random and are the same every time: SHA-256 of a name, counted on. */
export const bytesOf = (name: string, size: number): Buffer => {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) => sha256(Buffer.from(`${name} ${index}`)));
  return Buffer.concat(blocks).subarray(0, size);
};

/** A source of such bytes in place of a random one. Each seal of the vectors has its own name, and so its own salt. */
export const drawn =
  (name: string) =>
  (size: number): Buffer =>
    bytesOf(name, size);

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const hexHeaders = (headers: Readonly<Record<string, Buffer>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hex(value)]));

export const ENGINE = 'action';

/** Made anew for each use, because whoever uses a secret may wipe it. */
export const credential = (): Credential => ({ kid: '00c0ffee', secret: secretOf(bytesOf('credential', 32)) });

export const keys = deriveEngineKeys(ENGINE, credential());

export const token = (text: string) => secretOf(Buffer.from(text));

export const userKey: DataKey = dataKey(bytesOf('data key id', 16), bytesOf('data key', 32));

/** The same key id with another key: what an attacker would need two keys for. */
export const otherUserKey: DataKey = dataKey(userKey.kid, bytesOf('other data key', 32));

/** A copy with one byte changed. */
export const changedAt = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x01, at);
  return copy;
};
