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
  refusalId,
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
import type { Authenticated } from './authenticate.ts';
import { deadlineBudgetOf } from './deadline-budget.ts';
import { LAST_WORD_MS } from './outage.ts';
import type { Command } from './read-command.ts';
import { timeLeft } from './time-left.ts';
import type { CommandInProgress } from './verdict.ts';

/** What a command came to, with the type of its reply. */
export type Executed =
  | { readonly type: 'TokenStored'; readonly value: TokenStored }
  | { readonly type: 'TokenIssued'; readonly value: TokenIssued }
  | { readonly type: 'StatusSnapshot'; readonly value: StatusSnapshot }
  | { readonly type: 'TokenRevoked'; readonly value: TokenRevoked }
  | { readonly type: 'ConnectionStarted'; readonly value: ConnectionStarted }
  | { readonly type: 'UserForgotten'; readonly value: UserForgotten };

/** What commands are executed with. */
export interface ExecutionParts {
  readonly vault: Vault;
  readonly refresher: Refresher;
}

/**
 * Executes a command once `admission` lets it. A mutating command that was executed before is answered from its dedupe
 * record without asking: a repetition may well be late, and must still learn what became of the first.
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

/** Whoever waits for a provider lets the next command of the user begin. */
const onRetrieval = ({ vault, refresher }: ExecutionParts, from: CommandInProgress): RefreshOnRetrieval => ({
  refresher,
  wait: () => {
    from.releaseKeyOrder();
    return timeLeft(from, vault.now()) - LAST_WORD_MS;
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
  if (MAY_TURN.has(refused.code)) {
    const keepMs =
      Math.max(0, deadlineOf(from.record.timestamp, from.headers.timeoutMs) - vault.now()) + CLOCKS_APART_MS;
    await vault.store.dedupe(user, { id: refusal, mac: digest, outcome: dedupeOutcomeText({ refused }), keepMs });
  }
  return { ok: false, failure: refused };
};

/**
 * Refusals that might be none a moment later. A command that was refused and comes again from Kafka, behind later ones of
 * its user, must not take effect then; from its deadline on the deadline sees to that.
 */
const MAY_TURN: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'forbidden']);
const CLOCKS_APART_MS = 60_000;

const typed = <Type extends Executed['type'], Value>(
  type: Type,
  answer: Answer<Value>,
): Answer<{ type: Type; value: Value }> => (answer.ok ? { ...answer, value: { type, value: answer.value } } : answer);
