import { DecryptCommand, GenerateDataKeyCommand, KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { type KeyContext, type KeyWrapper, PortUnavailable } from '@vault-engine/vault';
import { InvalidWrappedKey } from './key-context.ts';

/** The KMS key, the endpoint and the time limits. */
export interface KmsWrapperOptions {
  /** Id, ARN or alias of a symmetric key. Decrypt names it too, so that bytes wrapped under another key are rejected. */
  readonly keyId: string;
  /** Default: the AWS SDK's, `AWS_REGION` or the shared configuration. */
  readonly region?: string;
  /** Default: the AWS SDK's, `AWS_ENDPOINT_URL_KMS` or AWS. */
  readonly endpoint?: string;
  /** Default: the AWS SDK's chain (environment, web identity, container, instance). */
  readonly credentials?: NonNullable<KMSClientConfig['credentials']>;
  /** One attempt, milliseconds. Default 2000. */
  readonly attemptTimeoutMs?: number;
  /** All attempts and the pauses between them, milliseconds. Default 8000. */
  readonly totalTimeoutMs?: number;
  /** Default 3. */
  readonly maxAttempts?: number;
  /** Default 64. */
  readonly maxSockets?: number;
}

/** A wrapper with connections, which the caller closes. */
export interface KmsWrapper extends KeyWrapper {
  close(): void;
}

/** The longest ciphertext that KMS accepts, in bytes. It rejects longer ones with a validation error. */
const LONGEST_WRAPPED = 6144;
const KEY_BYTES = 32;

/**
 * Wraps under an AWS KMS key by GenerateDataKey and Decrypt. The context is the encryption context, which KMS authenticates and
 * compares exactly. Opens no connection before the first call.
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
      const output = await client.send(command, limit()).catch(failed('GenerateDataKey'));
      const wrapped = output.CiphertextBlob;
      if (!wrapped?.length) throw new PortUnavailable('keys', 'KMS GenerateDataKey returned no wrapped key');
      return { plaintext: keyIn(output.Plaintext, 'GenerateDataKey'), wrapped: bufferOf(wrapped) };
    },
    unwrap: async (wrapped, context) => {
      if (wrapped.length === 0 || wrapped.length > LONGEST_WRAPPED) throw new InvalidWrappedKey();
      const command = decryptCommand(keyId, wrapped, context);
      const output = await client.send(command, limit()).catch(failed('Decrypt'));
      return keyIn(output.Plaintext, 'Decrypt');
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

/** The errors of KMS for bytes that were not wrapped under this key and context. */
const INVALID_CIPHERTEXT: ReadonlySet<string> = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/**
 * Throttling, timeouts, a disabled or missing key, rejected credentials: the key is unavailable until time or an operator changes
 * that. The error's name says which. Its message may quote the request and is dropped.
 */
const failed =
  (operation: string) =>
  (cause: unknown): never => {
    const name = cause instanceof Error ? cause.name : 'unknown error';
    if (operation === 'Decrypt' && INVALID_CIPHERTEXT.has(name)) throw new InvalidWrappedKey({ cause });
    throw new PortUnavailable('keys', `KMS ${operation}: ${name}`, { cause });
  };

const keyIn = (plaintext: Uint8Array | undefined, operation: string): Buffer => {
  if (plaintext?.length !== KEY_BYTES) throw new PortUnavailable('keys', `KMS ${operation} returned no key`);
  return bufferOf(plaintext);
};

/** Shares the memory, so that wiping the Buffer wipes the SDK's array. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
