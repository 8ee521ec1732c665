import { DecryptCommand, GenerateDataKeyCommand, KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { type KeyContext, type KeyWrapper, PortUnavailable } from '@vault-engine/vault';
import { InvalidWrappedKey } from './invalid-wrapped-key.ts';

export interface KmsWrapperOptions {
  /** Id, ARN or alias of a symmetric key. Also named when unwrapping, so that a key of somebody else's is refused. */
  readonly keyId: string;
  /** Where nothing is said: the AWS SDK's own, `AWS_REGION` or the shared configuration. */
  readonly region?: string;
  /** Where nothing is said: the AWS SDK's own, `AWS_ENDPOINT_URL_KMS` or AWS. */
  readonly endpoint?: string;
  /** Where nothing is said: the AWS SDK's chain (environment, web identity, container, instance). */
  readonly credentials?: NonNullable<KMSClientConfig['credentials']>;
  /** One attempt. */
  readonly attemptTimeoutMs?: number;
  /** All attempts and the pauses between them. */
  readonly totalTimeoutMs?: number;
  readonly maxAttempts?: number;
  readonly maxSockets?: number;
}

/** A wrapper that holds connections. */
export interface KmsWrapper extends KeyWrapper {
  close(): void;
}

/** KMS takes 6,144 bytes of ciphertext at most, and answers anything else with a validation error. */
const LONGEST_WRAPPED = 6144;
const KEY_BYTES = 32;

/**
 * Wraps under an AWS KMS key: GenerateDataKey and Decrypt, with the context as encryption context, which KMS
 * authenticates and matches exactly. Opens no connection before it is used.
 */
export const openKmsWrapper = (options: KmsWrapperOptions): KmsWrapper => {
  const { keyId, totalTimeoutMs = 8000 } = options;
  const client = new KMSClient(clientConfig(options));
  const limit = () => ({ abortSignal: AbortSignal.timeout(totalTimeoutMs) });
  return {
    id: `aws-kms:${keyId}`,
    generate: async (context) => {
      const command = new GenerateDataKeyCommand({
        KeyId: keyId,
        KeySpec: 'AES_256',
        EncryptionContext: { ...context },
      });
      const answer = await client.send(command, limit()).catch(failed('GenerateDataKey'));
      const wrapped = answer.CiphertextBlob;
      if (!wrapped?.length) throw new PortUnavailable('keys', 'KMS GenerateDataKey answered without a wrapped key');
      return { plaintext: keyIn(answer.Plaintext, 'GenerateDataKey'), wrapped: bufferOf(wrapped) };
    },
    unwrap: async (wrapped, context) => {
      if (wrapped.length === 0 || wrapped.length > LONGEST_WRAPPED) throw new InvalidWrappedKey();
      const command = decryptCommand(keyId, wrapped, context);
      const answer = await client.send(command, limit()).catch(failed('Decrypt'));
      return keyIn(answer.Plaintext, 'Decrypt');
    },
    close: () => client.destroy(),
  };
};

const clientConfig = (options: KmsWrapperOptions): KMSClientConfig => {
  const { region, endpoint, credentials, attemptTimeoutMs = 2000, maxAttempts = 3, maxSockets = 64 } = options;
  const agent = { keepAlive: true, maxSockets };
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    maxAttempts,
    requestHandler: {
      connectionTimeout: attemptTimeoutMs,
      requestTimeout: attemptTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
};

const decryptCommand = (keyId: string, wrapped: Buffer, context: KeyContext): DecryptCommand =>
  new DecryptCommand({ KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: { ...context } });

/** What KMS says of bytes, context or key that do not belong together. */
const NOT_WHAT_WAS_WRAPPED: ReadonlySet<string> = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/**
 * Throttling, time-outs, keys that are disabled or not ours, refused credentials: the key cannot be had now, and an
 * operator or time can change that. The error's name says which; its message may quote the request and is not repeated.
 */
const failed =
  (operation: string) =>
  (cause: unknown): never => {
    const name = cause instanceof Error ? cause.name : 'unknown error';
    if (operation === 'Decrypt' && NOT_WHAT_WAS_WRAPPED.has(name)) throw new InvalidWrappedKey({ cause });
    throw new PortUnavailable('keys', `KMS ${operation}: ${name}`, { cause });
  };

const keyIn = (plaintext: Uint8Array | undefined, operation: string): Buffer => {
  if (plaintext?.length !== KEY_BYTES) throw new PortUnavailable('keys', `KMS ${operation} answered without a key`);
  return bufferOf(plaintext);
};

/** The same memory, so that wiping the answer wipes what the SDK made. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
