import { type HandlerResult, PublishFailed } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import { type Failure, type Port, PortUnavailable, refuse } from '@vault-engine/vault';
import { REPLY_MARGIN_MS, timeLeft } from './deadline.ts';
import type { CommandInProgress } from './receive.ts';

/** How long a command waits before it is tried again after a transient failure. */
const RETRY_MS = 250;

/** A command that met a transient failure is tried again, until its deadline draws near. */
export const RETRY: HandlerResult = { kind: 'retry', afterMs: RETRY_MS };

/** Whether the error says that a part is unavailable: the same command may succeed later. */
export const isTransient = (error: unknown): boolean =>
  error instanceof PortUnavailable ||
  error instanceof RegistryUnavailable ||
  (error instanceof PublishFailed && error.retryable);

/** Whether one more attempt, if it takes as long as the one that has just failed, leaves time for an error reply. */
export const mayRetry = (from: Pick<CommandInProgress, 'record' | 'headers' | 'begunAt'>, now: number): boolean =>
  timeLeft(from, now) - REPLY_MARGIN_MS > RETRY_MS + (now - from.begunAt);

/** The failure that a command is answered with after `error`: the part that is unavailable, or `internal`. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof PortUnavailable) return withReason(UNAVAILABLE[error.port], error.reason);
  if (error instanceof RegistryUnavailable)
    return refuse('storage_unavailable', 'the schema registry does not answer', 'registry').failure;
  return refuse('internal', 'the command failed unexpectedly').failure;
};

const withReason = (failure: Failure, reason: string | null): Failure =>
  reason === null ? failure : { ...failure, reason };

const UNAVAILABLE: Readonly<Record<Port, Failure>> = {
  storage: refuse('storage_unavailable', 'the token store does not answer').failure,
  keys: refuse('storage_unavailable', 'the key service does not answer', 'key_service').failure,
  audit: refuse('audit_unavailable', 'the audit log does not answer').failure,
  provider: refuse('provider_unavailable', 'the platform does not answer').failure,
};
