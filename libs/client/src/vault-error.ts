import { ERRORS, type ErrorCode, isErrorCode, type SuggestedAction } from '@vault-engine/model';

/** What is known of a failed request beside its code. */
export interface VaultErrorDetails extends ErrorOptions {
  readonly requestId?: string;
  readonly retryAfterMs?: number | null;
  /** Default: what the table of errors says about the code. */
  readonly suggestedAction?: SuggestedAction;
}

/** The vault refused a request or failed at it, or the request could not be sent. Holds no value of the request. */
export class VaultError extends Error {
  override readonly name: string = 'VaultError';
  /** A code of the table of errors, or one that a later vault has invented. */
  readonly code: ErrorCode | (string & {});
  /** What the caller can do about it. */
  readonly suggestedAction: SuggestedAction;
  /** The command's id, as the audit log has it; null where no command was made. */
  readonly requestId: string | null;
  /** How long to wait before the same request makes sense again; null where nothing is known. */
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
 * No authenticated answer came in time. A mutating command may have been executed: repeat it under the same idempotency
 * key, or with this error's `requestId` as the key where none was given.
 */
export class VaultTimeout extends VaultError {
  override readonly name = 'VaultTimeout';
  /** Whether an unsigned note said that the credential is wrong. It proves nothing, so nobody acts on it. */
  readonly credentialQuestioned: boolean;

  constructor(what: string, credentialQuestioned: boolean, details: VaultErrorDetails) {
    super('deadline_exceeded', `${what}: ${credentialQuestioned ? CHECK_CREDENTIAL : CHECK_VAULT}`, details);
    this.credentialQuestioned = credentialQuestioned;
  }
}

const CHECK_CREDENTIAL =
  'an unsigned note says that the engine id, the key or the signature is wrong; check the credential and that its key is active';
const CHECK_VAULT =
  'check that the brokers answer, that command workers run, that the topic prefix is theirs, and that the credential is one for Kafka';

/** The client was closed, before or during the request. */
export class VaultClosed extends Error {
  override readonly name = 'VaultClosed';
  constructor() {
    super('the vault client is closed');
  }
}
