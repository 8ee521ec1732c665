import { PublishFailed, type PublishReason } from '@vault-engine/bus';
import type { ErrorCode } from '@vault-engine/model';
import { VaultClosed, VaultError, VaultTimeout } from './vault-error.ts';

/** What was to be sent. */
export interface Unsent {
  readonly requestId: string;
  readonly operation: { readonly command: string };
}

/** The error of a request whose command was not acknowledged by the broker. */
export const failedToSend = (error: unknown, { requestId, operation: { command } }: Unsent): unknown => {
  if (!(error instanceof PublishFailed)) return error;
  const details = { requestId, cause: error };
  // The broker may have it all the same.
  if (error.reason === 'timeout') return new VaultTimeout(`the broker did not acknowledge ${command}`, false, details);
  if (error.reason === 'closed') return new VaultClosed();
  const { code, message } = REFUSALS[error.reason];
  return new VaultError(code, message, details);
};

const REFUSALS: Readonly<
  Record<Exclude<PublishReason, 'timeout' | 'closed'>, { readonly code: ErrorCode; readonly message: string }>
> = {
  unknown_topic: { code: 'internal', message: 'the topic of commands does not exist' },
  no_such_partition: { code: 'internal', message: 'the topic of commands lacks a partition' },
  too_large: { code: 'invalid_request', message: 'the request is larger than the topic of commands takes' },
  queue_full: { code: 'rate_limited', message: 'too many requests wait here to be sent' },
  refused: { code: 'internal', message: 'the brokers do not let this client write commands' },
};
