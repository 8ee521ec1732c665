import type { HandlerContext } from '@vault-engine/bus';
import type { Answer, AuditSubject } from '@vault-engine/vault';
import type { Authenticated } from './authenticate.ts';
import type { ReplyRecord } from './reply.ts';

/** A command that is being worked on. */
export interface CommandInProgress extends Authenticated {
  /** When this attempt began, Unix milliseconds. */
  readonly begunAt: number;
  /** The deadline had passed when the command was read, whatever the clock says now; it did not wait in its lane. */
  readonly late: boolean;
  /** Gives the lane back: what comes now may take as long as a provider does. */
  readonly releaseKeyOrder: () => void;
  /** Waits for something slow, with the lane and without a place. */
  readonly runOutsideConcurrencyLimit: HandlerContext['runOutsideConcurrencyLimit'];
}

/** How a command is to be answered. */
export interface Verdict {
  readonly subject: AuditSubject;
  readonly answer: Answer<ReplyRecord>;
  /** Why the record goes to the dead letters beside the answer. */
  readonly poison: string | null;
  /** What went wrong, where nobody expected it. */
  readonly error: unknown;
}
