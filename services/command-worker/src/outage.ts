import { type HandlerResult, PublishFailed } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import { type Failure, type Port, PortUnavailable, refuse } from '@vault-engine/vault';
import { timeLeft } from './time-left.ts';
import type { CommandInProgress } from './verdict.ts';

/** A part that was out is asked again after this long, until the command's deadline. */
const RETRY_MS = 250;
/** An answer that says what could not be had leaves this long before the deadline, so that it arrives. */
export const LAST_WORD_MS = 400;

/** What becomes of a command that waits for a part: it is tried again. */
export const WAIT: HandlerResult = { kind: 'retry', afterMs: RETRY_MS };

/** Whether a part that a command needs is out, which passes. */
export const isOutage = (error: unknown): boolean =>
  error instanceof PortUnavailable ||
  error instanceof RegistryUnavailable ||
  (error instanceof PublishFailed && error.retryable);

/** Whether another attempt, which may take as long as the one that has just failed, leaves time for the last word. */
export const mayWait = (from: CommandInProgress, now: number): boolean =>
  timeLeft(from, now) - LAST_WORD_MS > RETRY_MS + (now - from.begunAt);

/** What a command is answered with that met an error: which part is out, or that nobody expected it. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof PortUnavailable) return OUTAGES[error.port];
  if (error instanceof RegistryUnavailable)
    return refuse('storage_unavailable', 'the schema registry does not answer', 'registry').failure;
  return refuse('internal', 'the command failed unexpectedly').failure;
};

const OUTAGES: Readonly<Record<Port, Failure>> = {
  storage: refuse('storage_unavailable', 'the token store does not answer').failure,
  keys: refuse('storage_unavailable', 'the key service does not answer', 'key_service').failure,
  audit: refuse('audit_unavailable', 'the audit log does not answer').failure,
  provider: refuse('provider_unavailable', 'the platform does not answer').failure,
};
