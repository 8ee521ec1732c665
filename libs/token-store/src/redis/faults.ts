import { PortUnavailable } from '@vault-engine/vault';

/** What a failed command means: `transient` (retry), `unavailable` (an operator has to act) or `broken` (a bug). */
export interface Fault {
  readonly kind: 'transient' | 'unavailable' | 'broken';
  /** A word from the lists below or the code of a network error. Never text of a command or of a reply. */
  readonly code: string;
}

/** Redis rejected a command that the store must not send, e.g. `WRONGTYPE`: a broken invariant. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly code: string;
  constructor(code: string) {
    super(`Redis rejected a command: ${code}`);
    this.code = code;
  }
}

/** No reply within the time of one attempt. The command may have run. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The change is written, but fewer replicas than required have acknowledged it. */
export class NotReplicated extends Error {
  override readonly name = 'NotReplicated';
}

const TRANSIENT = [
  'LOADING',
  'BUSY',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'READONLY',
  'NOREPLICAS',
  'UNBLOCKED',
] as const;
/** Retrying within one call does not help: full memory, a failing disk, credentials, a node without the slot. */
const UNAVAILABLE = ['OOM', 'MISCONF', 'NOAUTH', 'WRONGPASS', 'NOPERM', 'MOVED', 'ASK'] as const;

/** A script that builds key names (see `READ_USER`) runs while its slot migrates to another node. */
const MIGRATING = 'Script attempted to access a non local key';
/** Messages of plain Errors by which ioredis reports a missing connection or a missing reply. */
const DISCONNECTED: ReadonlyMap<string, string> = new Map([
  ['Command timed out', 'no answer'],
  ['Connection is closed.', 'no connection'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'no connection'],
]);
const CONNECTION_LOST: readonly string[] = ['MaxRetriesPerRequestError', 'AbortError'];

/** Classifies an error of the driver by the first word of a reply, its name or its code. Nothing else is passed on. */
export const faultOf = (error: unknown): Fault => {
  if (!(error instanceof Error)) return { kind: 'broken', code: 'thrown' };
  if (error.name === 'ReplyError') return replyFault(error.message);
  if (error instanceof NoAnswer) return { kind: 'transient', code: 'no answer' };
  if (error instanceof NotReplicated) return { kind: 'transient', code: 'too few replicas' };
  if (CONNECTION_LOST.includes(error.name)) return { kind: 'transient', code: 'connection lost' };
  const disconnected = DISCONNECTED.get(error.message);
  if (disconnected !== undefined) return { kind: 'transient', code: disconnected };
  const network = 'code' in error && typeof error.code === 'string' && /^[A-Z][A-Z_]{2,40}$/.test(error.code);
  return network ? { kind: 'transient', code: String(error.code) } : { kind: 'broken', code: error.name };
};

const replyFault = (message: string): Fault => {
  const word = message.split(' ', 1)[0] ?? '';
  if (contains(TRANSIENT, word)) return { kind: 'transient', code: word };
  if (contains(UNAVAILABLE, word)) return { kind: 'unavailable', code: word };
  if (message.includes(MIGRATING)) return { kind: 'transient', code: 'slot migrating' };
  return { kind: 'broken', code: /^[A-Z]{2,20}$/.test(word) ? word : 'ERR' };
};

const contains = (list: readonly string[], word: string): boolean => list.includes(word);

/**
 * The error that callers see. It has no `cause`: errors of ioredis hold the arguments of their command, which include
 * ciphertext, metadata and passwords.
 */
export const errorOf = ({ kind, code }: Fault): PortUnavailable | CommandRefused =>
  kind === 'broken' ? new CommandRefused(code) : new PortUnavailable('storage', `Redis is unavailable: ${code}`);
