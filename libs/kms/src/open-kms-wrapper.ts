import { DecryptCommand, GenerateDataKeyCommand, KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { type KeyContext, type KeyWrapper, PortUnavailable } from '@vault-engine/vault';
import { InvalidWrappedKey } from './key-context.ts';

/** The KMS key, the endpoint and the time limits. */
export interface KmsWrapperOptions {
  /** Id, ARN or alias of a symmetric key. Decrypt names it too: KMS then rejects bytes that another party wrapped under a key of its own. */
  readonly keyId: string;
  /** Keys that earlier deployments wrapped under. They unwrap and never wrap. Default none. */
  readonly formerKeyIds?: readonly string[];
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
  const { keyId, formerKeyIds = [], totalTimeoutMs = 8000 } = options;
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
      const output = await client.send(command, limit()).catch((cause: unknown) => {
        throw unavailable('GenerateDataKey', cause);
      });
      const wrapped = output.CiphertextBlob;
      if (!wrapped?.length) throw new PortUnavailable('keys', 'KMS GenerateDataKey returned no wrapped key');
      return { plaintext: keyIn(output.Plaintext, 'GenerateDataKey'), wrapped: bufferOf(wrapped) };
    },
    unwrap: async (wrapped, context) => {
      if (wrapped.length === 0 || wrapped.length > LONGEST_WRAPPED) throw new InvalidWrappedKey();
      const failures: unknown[] = [];
      for (const id of [keyId, ...formerKeyIds]) {
        try {
          const output = await client.send(decryptCommand(id, wrapped, context), limit());
          return keyIn(output.Plaintext, 'Decrypt');
        } catch (error) {
          failures.push(error);
          if (!mayBeAnotherKeys(error)) break;
        }
      }
      throw unwrapError(failures);
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

/** Errors after which another key may still unwrap the bytes. Throttling and timeouts are not among them. */
const mayBeAnotherKeys = (error: unknown): boolean =>
  nameOf(error) === INVALID_CIPHERTEXT || REASONS.has(nameOf(error));

/**
 * KMS says `InvalidCiphertextException` for damaged bytes and for another context, whichever key it was asked for. That is final. A key
 * that is missing, disabled or not permitted is not: the bytes are unavailable until an operator changes that. They never count
 * as damaged.
 */
const unwrapError = (failures: readonly unknown[]): InvalidWrappedKey | PortUnavailable => {
  const last = failures.at(-1);
  if (last !== undefined && !mayBeAnotherKeys(last)) return unavailable('Decrypt', last);
  const invalid = failures.find((error) => nameOf(error) === INVALID_CIPHERTEXT);
  if (invalid !== undefined) return new InvalidWrappedKey({ cause: invalid });
  return unavailable('Decrypt', failures.find((error) => nameOf(error) !== OTHER_KEY) ?? last);
};

const INVALID_CIPHERTEXT = 'InvalidCiphertextException';
const OTHER_KEY = 'IncorrectKeyException';

/** Why a key can't be had, by the error of KMS. For callers, the audit log and alarms. */
const REASONS: ReadonlyMap<string, string> = new Map([
  // The alias or the setting names another key now: set VAULT_KMS_FORMER_KEY_IDS, or point the alias back.
  [OTHER_KEY, 'key_changed'],
  ['DisabledException', 'key_disabled'],
  // Pending deletion, or its key material is not imported.
  ['KMSInvalidStateException', 'key_unusable'],
  ['NotFoundException', 'key_not_found'],
  ['AccessDeniedException', 'key_not_permitted'],
]);

/** The error's name says why. Its message may quote the request and is dropped. */
const unavailable = (operation: string, cause: unknown): PortUnavailable => {
  // The SDK may have returned no key at all: `keyIn` has said so.
  if (cause instanceof PortUnavailable) return cause;
  const reason = REASONS.get(nameOf(cause));
  return new PortUnavailable('keys', `KMS ${operation}: ${nameOf(cause)}`, {
    cause,
    ...(reason !== undefined && { reason }),
  });
};

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown error');

const keyIn = (plaintext: Uint8Array | undefined, operation: string): Buffer => {
  if (plaintext?.length !== KEY_BYTES) throw new PortUnavailable('keys', `KMS ${operation} returned no key`);
  return bufferOf(plaintext);
};

/** Shares the memory, so that wiping the Buffer wipes the SDK's array. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
