import { allowed, freshness } from '@vault-engine/protocol';
import { type Failure, refuse } from '@vault-engine/vault';
import { timeLeft } from './deadline.ts';
import type { TakeToken } from './rate-limit.ts';
import type { Command } from './read-command.ts';
import type { Authenticated, CommandInProgress } from './receive.ts';

/** What a command is admitted by. */
export interface Admission {
  readonly now: () => number;
  /** How long the commands topic keeps a command, milliseconds. */
  readonly retentionMs: number;
  readonly takeToken: TakeToken;
}

/** Whether an authenticated command may be executed now: fresh, in time, granted, and within the engine's rate. */
export const admit = (
  { now, retentionMs, takeToken }: Admission,
  from: Pick<CommandInProgress, 'headers' | 'record' | 'engine' | 'late'>,
  command: Pick<Command, 'type' | 'platform'>,
): Failure | null => {
  const { headers, record, engine } = from;
  const at = now();
  const fresh = freshness({ sentMs: headers.sentMs, appendMs: record.timestamp, now: at, retentionMs });
  if (fresh !== 'fresh')
    return refuse(
      'invalid_request',
      'the sent time is not within 60 s of the append time, or the command is too old; check the clock',
      fresh,
    ).failure;
  if (from.late || timeLeft(from, at) <= 0)
    return refuse('deadline_exceeded', 'the deadline passed before the command was executed').failure;
  if (!granted(from, command))
    return refuse('forbidden', 'the engine has no grant for this operation on this platform').failure;
  const waitMs = takeToken(engine.open.engine, engine.open.rate, at);
  if (waitMs > 0)
    return {
      ...refuse('rate_limited', 'the engine exceeded its rate; next command after retry_after_ms').failure,
      retryAfterMs: waitMs,
    };
  return null;
};

/** `GetStatus` needs a grant for any platform: its answer lists the granted platforms only. */
const granted = (
  { engine }: Pick<Authenticated, 'engine'>,
  { type, platform }: Pick<Command, 'type' | 'platform'>,
): boolean =>
  type === 'GetStatus'
    ? engine.open.grants.some(({ operations }) => operations.includes(type))
    : allowed(engine.open.grants, type, platform);
