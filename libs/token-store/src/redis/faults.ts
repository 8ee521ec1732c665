import { PortUnavailable } from '@vault-engine/vault';

/** What a failed command means: try again, give up for now, or a fault that repeating does not heal. */
export interface Fault {
  readonly kind: 'transient' | 'unavailable' | 'broken';
  /** A word from the lists below, or the code of a network error: never text of a command or of a reply. */
  readonly code: string;
}

/** Redis refused a command for a reason that is a mistake of ours, e.g. `WRONGTYPE`: a broken invariant. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly code: string;
  constructor(code: string) {
    super(`Redis refuses a command: ${code}`);
    this.code = code;
  }
}

/** No answer within the time of one attempt. The command may have run. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** Written, and acknowledged by fewer replicas than asked for. */
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
/** Time alone does not heal these soon: a full memory, a failing disk, credentials, a node that does not hold the slot. */
const UNAVAILABLE = ['OOM', 'MISCONF', 'NOAUTH', 'WRONGPASS', 'NOPERM', 'MOVED', 'ASK'] as const;

/** A script that makes names of keys (see `READ_USER`) meets a slot on its way to another node. */
const MIGRATING = 'Script attempted to access a non local key';
/** How ioredis says, in plain Errors, that a connection is not there or did not answer. */
const DISCONNECTED: ReadonlyMap<string, string> = new Map([
  ['Command timed out', 'no answer'],
  ['Connection is closed.', 'no connection'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'no connection'],
]);
const CONNECTION_LOST: readonly string[] = ['MaxRetriesPerRequestError', 'AbortError'];

/** What `error` means. Looks at the first word of a reply and at names and codes, and passes nothing else on. */
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
 * The error that callers get to see. It has no cause: errors of ioredis carry the arguments of their command, and so
 * ciphertext, metadata and passwords.
 */
export const errorOf = ({ kind, code }: Fault): PortUnavailable | CommandRefused =>
  kind === 'broken' ? new CommandRefused(code) : new PortUnavailable('storage', `Redis is unavailable: ${code}`);
