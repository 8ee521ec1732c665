import { type DataKey, dataKey, sha256 } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { type Credential, deriveEngineKeys } from '../src/index.ts';

/** Deterministic pseudo-random bytes: SHA-256 of a name and a counter. */
export const bytesOf = (name: string, size: number): Buffer => {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) => sha256(Buffer.from(`${name} ${index}`)));
  return Buffer.concat(blocks).subarray(0, size);
};

/** A deterministic source of random bytes. Each sealed vector uses its own name, and so its own salt. */
export const drawn =
  (name: string) =>
  (size: number): Buffer =>
    bytesOf(name, size);

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const hexHeaders = (headers: Readonly<Record<string, Buffer>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hex(value)]));

export const ENGINE = 'action';

/** A new object for each use, because its user may wipe the secret. */
export const credential = (): Credential => ({ kid: '00c0ffee', secret: secretOf(bytesOf('credential', 32)) });

export const keys = deriveEngineKeys(ENGINE, credential());

export const token = (text: string) => secretOf(Buffer.from(text));

export const userKey: DataKey = dataKey(bytesOf('data key id', 16), bytesOf('data key', 32));

/** Another key with the same key id. */
export const otherUserKey: DataKey = dataKey(userKey.kid, bytesOf('other data key', 32));

/** A copy with one byte changed. */
export const changedAt = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x01, at);
  return copy;
};
