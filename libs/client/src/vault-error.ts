import { PublishFailed, type PublishReason } from '@vault-engine/bus/client';
import { ERRORS, type ErrorCode, isErrorCode, type SuggestedAction } from '@vault-engine/model';

/** The details of a failed request, apart from its code. */
export interface VaultErrorDetails extends ErrorOptions {
  readonly requestId?: string;
  readonly retryAfterMs?: number | null;
  /** Default: the action of the code in the error table. */
  readonly suggestedAction?: SuggestedAction;
}

/** The vault refused a request or failed to execute it, or the request could not be sent. Contains no value of the request. */
export class VaultError extends Error {
  override readonly name: string = 'VaultError';
  /** A code of the error table, or one that a newer vault has added. */
  readonly code: ErrorCode | (string & {});
  /** What the caller can do. */
  readonly suggestedAction: SuggestedAction;
  /** The command id, as in the audit log; null where no command was created. */
  readonly requestId: string | null;
  /** How long to wait before repeating the request, in milliseconds; null where unknown. */
  readonly retryAfterMs: number | null;

  constructor(code: string, message: string, details: VaultErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.suggestedAction = details.suggestedAction ?? (isErrorCode(code) ? ERRORS[code].action : 'contact_operator');
    this.requestId = details.requestId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return this.suggestedAction === 'retry';
  }
}

/**
 * No authenticated reply arrived in time. A mutating command may have been executed: repeat it with the same idempotency
 * key, or, if you gave none, with this error's `requestId` as the key.
 */
export class VaultTimeout extends VaultError {
  override readonly name = 'VaultTimeout';
  /** Whether an unsigned notice called the credential invalid. Anybody could have written it: use it for diagnosis only. */
  readonly credentialQuestioned: boolean;

  constructor(what: string, credentialQuestioned: boolean, details: VaultErrorDetails) {
    super('deadline_exceeded', `${what}: ${credentialQuestioned ? CHECK_CREDENTIAL : CHECK_VAULT}`, details);
    this.credentialQuestioned = credentialQuestioned;
  }
}

const CHECK_CREDENTIAL =
  'an unsigned notice says that the engine id, the key or the signature is invalid; check the credential and that its key is active';
const CHECK_VAULT =
  'check that the brokers are reachable, that command workers are running, that they use the same topic prefix, and that the credential is for Kafka';

/** The client was closed, before or during the request. */
export class VaultClosed extends Error {
  override readonly name = 'VaultClosed';
  constructor() {
    super('the vault client is closed');
  }
}

/** A request whose command was not acknowledged. */
export interface Unsent {
  readonly requestId: string;
  readonly operation: { readonly command: string };
}

/** The error of a request whose command the broker did not acknowledge. */
export const failedToSend = (error: unknown, { requestId, operation: { command } }: Unsent): unknown => {
  if (!(error instanceof PublishFailed)) return error;
  const details = { requestId, cause: error };
  // The broker may have appended the command.
  if (error.reason === 'timeout') return new VaultTimeout(`the broker did not acknowledge ${command}`, false, details);
  if (error.reason === 'closed') return new VaultClosed();
  const { code, message } = REFUSALS[error.reason];
  return new VaultError(code, message, details);
};

const REFUSALS: Readonly<
  Record<Exclude<PublishReason, 'timeout' | 'closed'>, { readonly code: ErrorCode; readonly message: string }>
> = {
  unknown_topic: {
    code: 'internal',
    message: 'the command topic does not exist; check the topic prefix, or contact the operator',
  },
  no_such_partition: { code: 'internal', message: 'the command topic lacks a partition; contact the operator' },
  too_large: { code: 'invalid_request', message: 'the request exceeds the size limit of the command topic; send less' },
  queue_full: { code: 'rate_limited', message: 'too many requests are queued in this client; retry later' },
  refused: {
    code: 'internal',
    message: 'the brokers refused the command; check that this client may write to the command topic',
  },
};
