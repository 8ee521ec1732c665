import { allowed, deadlineOf } from '@vault-engine/protocol';
import {
  type Answer,
  type Call,
  type ConnectionStarted,
  change,
  dedupeOutcomeText,
  type ErrorCode,
  type Failure,
  forgetUser,
  getStatus,
  getToken,
  type Mutation,
  matchDedupeRecord,
  type Refresher,
  type RefreshOnRetrieval,
  type RevocationReported,
  refusalId,
  reportRevoked,
  revokeToken,
  type StatusSnapshot,
  startConnection,
  storeToken,
  type TokenIssued,
  type TokenRevoked,
  type TokenStored,
  type UserForgotten,
  type Vault,
} from '@vault-engine/vault';
import { deadlineBudgetOf, REPLY_MARGIN_MS, timeLeft } from './deadline.ts';
import type { Command } from './read-command.ts';
import type { Authenticated, CommandInProgress } from './receive.ts';

/** The value of an executed command, with the type of its reply. */
export type Executed =
  | { readonly type: 'TokenStored'; readonly value: TokenStored }
  | { readonly type: 'TokenIssued'; readonly value: TokenIssued }
  | { readonly type: 'StatusSnapshot'; readonly value: StatusSnapshot }
  | { readonly type: 'TokenRevoked'; readonly value: TokenRevoked }
  | { readonly type: 'RevocationReported'; readonly value: RevocationReported }
  | { readonly type: 'ConnectionStarted'; readonly value: ConnectionStarted }
  | { readonly type: 'UserForgotten'; readonly value: UserForgotten };

/** What commands are executed with. */
export interface ExecutionParts {
  readonly vault: Vault;
  readonly refresher: Refresher;
}

/**
 * Executes a command that `admission` does not refuse. A mutating command that was executed before is answered from its
 * dedupe record before admission is asked: a repetition may be late, and still has to get the first execution's answer.
 */
export const execute = async (
  parts: ExecutionParts,
  call: Call,
  from: CommandInProgress,
  command: Command,
  admission: () => Failure | null,
): Promise<Answer<Executed>> => {
  const { vault } = parts;
  const deadlineBudget = deadlineBudgetOf(from, vault.now);
  switch (command.type) {
    case 'StoreToken':
      return typed(
        'TokenStored',
        await once(vault, call, from, storeToken(vault, call, command, deadlineBudget), admission),
      );
    case 'RevokeToken':
      return typed(
        'TokenRevoked',
        await once(vault, call, from, revokeToken(vault, call, command, deadlineBudget), admission),
      );
    case 'ReportRevoked':
      return typed('RevocationReported', await once(vault, call, from, reportRevoked(vault, call, command), admission));
    case 'StartConnection':
      return typed(
        'ConnectionStarted',
        await once(vault, call, from, startConnection(vault, call, command), admission),
      );
    case 'ForgetUser':
      return typed('UserForgotten', await once(vault, call, from, forgetUser(vault, call, command), admission));
    case 'GetToken': {
      const refused = admission();
      return refused === null
        ? typed('TokenIssued', await getToken(vault, call, command, onRetrieval(parts, from)))
        : { ok: false, failure: refused };
    }
    case 'GetStatus': {
      const refused = admission();
      const visible = (platform: string) => allowed(from.engine.open.grants, 'GetStatus', platform);
      return refused === null
        ? typed('StatusSnapshot', await getStatus(vault, call, command, visible))
        : { ok: false, failure: refused };
    }
  }
};

/** A `GetToken` that waits for a provider lets the next command of its user begin. */
const onRetrieval = ({ vault, refresher }: ExecutionParts, from: CommandInProgress): RefreshOnRetrieval => ({
  refresher,
  wait: () => {
    from.releaseKeyOrder();
    return timeLeft(from, vault.now()) - REPLY_MARGIN_MS;
  },
});

const once = async <T>(
  vault: Vault,
  call: Call,
  from: Authenticated,
  mutation: Mutation<T>,
  admission: () => Failure | null,
): Promise<Answer<T>> => {
  const { user, platform, dedupeId, digest } = mutation;
  const refusal = refusalId(call, from.headers.mac);
  const view = await vault.store.readUser(user, platform, dedupeId, refusal);
  const refused = matchDedupeRecord(view, digest) === 'new' ? admission() : null;
  if (refused === null) return change(vault, call, mutation, view);
  if (MAY_CHANGE.has(refused.code)) {
    const keepMs =
      Math.max(0, deadlineOf(from.record.timestamp, from.headers.timeoutMs) - vault.now()) + CLOCKS_APART_MS;
    await vault.store.dedupe(user, { id: refusal, mac: digest, outcome: dedupeOutcomeText({ refused }), keepMs });
  }
  return { ok: false, failure: refused };
};

/**
 * Refusals that a second admission of the same command might not repeat. A refused command that Kafka delivers again, after
 * later commands of its user, must not take effect then. Until the deadline its dedupe record refuses it, afterwards the deadline does.
 */
const MAY_CHANGE: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'forbidden']);
const CLOCKS_APART_MS = 60_000;

const typed = <Type extends Executed['type'], Value>(
  type: Type,
  answer: Answer<Value>,
): Answer<{ type: Type; value: Value }> => (answer.ok ? { ...answer, value: { type, value: answer.value } } : answer);
