import { type CommandName, isCommandName } from '@vault-engine/contracts';
import { allowed, freshness } from '@vault-engine/protocol';
import { type Failure, type PlatformId, refuse } from '@vault-engine/vault';
import { timeLeft } from './deadline.ts';
import type { TakeToken } from './rate-limit.ts';
import type { Authenticated, CommandInProgress } from './receive.ts';

/** What a command is admitted by. */
export interface Admission {
  readonly now: () => number;
  /** How long the commands topic keeps a command, milliseconds. */
  readonly retentionMs: number;
  readonly takeToken: TakeToken;
}

/** Commands that change nothing, and leave no dedupe record. */
const READING: ReadonlySet<CommandName> = new Set(['GetToken', 'GetStatus']);

/** Whether a command of this type may change something. */
export const isMutating = (type: CommandName): boolean => !READING.has(type);

/**
 * Decides by the headers alone, right after the MAC: nothing is decoded, looked up, read or unsealed for a refused command,
 * and nothing is stored. The type has to be a command's, the operation granted on some platform, and the engine within its
 * rate. A reading command has to be fresh and in time too; a mutating one may be a repetition, which its dedupe record
 * answers at any time, so {@link admitTime} decides about it later. A command that is tried again takes one token in all.
 */
export const admitHeaders = (
  admission: Admission,
  from: Pick<CommandInProgress, 'headers' | 'record' | 'engine' | 'late' | 'attempt'>,
): Failure | null => {
  const { headers, engine, attempt } = from;
  const type = headers.commandType;
  if (!isCommandName(type)) return NOT_A_COMMAND;
  if (!engine.open.grants.some(({ operations }) => operations.includes(type) || operations.includes('*')))
    return FORBIDDEN;
  const untimely = isMutating(type) ? null : admitTime(admission, from);
  if (untimely !== null || attempt > 1) return untimely;
  const waitMs = admission.takeToken(engine.open.engine, engine.open.rate, admission.now());
  return waitMs > 0 ? { ...RATE_LIMITED, retryAfterMs: waitMs } : null;
};

/**
 * Whether the engine may use the operation on the platform. An operation on the whole user (`platform` null) needs a grant
 * for all platforms; `GetStatus` needs one for any, because its answer lists the granted platforms only.
 */
export const admitPlatform = (
  { engine }: Pick<Authenticated, 'engine'>,
  type: CommandName,
  platform: PlatformId | null,
): Failure | null => (type === 'GetStatus' || allowed(engine.open.grants, type, platform) ? null : FORBIDDEN);

/** Whether the command is fresh and its deadline has not passed. */
export const admitTime = (
  { now, retentionMs }: Pick<Admission, 'now' | 'retentionMs'>,
  from: Pick<CommandInProgress, 'headers' | 'record' | 'late'>,
): Failure | null => {
  const at = now();
  const fresh = freshness({ sentMs: from.headers.sentMs, appendMs: from.record.timestamp, now: at, retentionMs });
  if (fresh !== 'fresh')
    return refuse(
      'invalid_request',
      'the sent time is not within 60 s of the append time, or the command is too old; check the clock',
      fresh,
    ).failure;
  if (from.late || timeLeft(from, at) <= 0)
    return refuse('deadline_exceeded', 'the deadline passed before the command was executed').failure;
  return null;
};

const NOT_A_COMMAND = refuse('invalid_request', 'x-command-type is not the name of a command', 'not_a_command').failure;
const FORBIDDEN = refuse('forbidden', 'the engine has no grant for this operation on this platform').failure;
const RATE_LIMITED = refuse('rate_limited', 'the engine exceeded its rate; next command after retry_after_ms').failure;
