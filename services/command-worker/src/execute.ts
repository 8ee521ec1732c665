import { allowed } from '@vault-engine/protocol';
import {
  type Answer,
  type Call,
  type ConnectionStarted,
  change,
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
import { type Admission, admitTime } from './admit.ts';
import { deadlineBudgetOf, REPLY_MARGIN_MS, timeLeft } from './deadline.ts';
import type { Command } from './read-command.ts';
import type { CommandInProgress } from './receive.ts';
import { type Refusals, storedRefusal } from './refusals.ts';

/** The value of an executed command, with the type of its reply. */
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
  readonly admission: Admission;
  readonly refusals: Refusals;
}

/**
 * Executes an admitted command. A mutating command that was executed before is answered from its dedupe record, also when
 * it is late: the repetition gets the first execution's answer.
 */
export const execute = async (
  parts: ExecutionParts,
  call: Call,
  from: CommandInProgress,
  command: Command,
): Promise<Answer<Executed>> => {
  const { vault } = parts;
  const deadlineBudget = deadlineBudgetOf(from, vault.now);
  const run = <T>(mutation: Mutation<T>) => once(parts, call, from, mutation);
  switch (command.type) {
    case 'StoreToken':
      return typed('TokenStored', await run(storeToken(vault, call, command, deadlineBudget)));
    case 'RevokeToken':
      return typed('TokenRevoked', await run(revokeToken(vault, call, command, deadlineBudget)));
    case 'StartConnection':
      return typed('ConnectionStarted', await run(startConnection(vault, call, command)));
    case 'ForgetUser':
      return typed('UserForgotten', await run(forgetUser(vault, call, command)));
    case 'GetToken':
      return typed('TokenIssued', await getToken(vault, call, command, onRetrieval(parts, from)));
    case 'GetStatus': {
      const visible = (platform: string) => allowed(from.engine.open.grants, 'GetStatus', platform);
      return typed('StatusSnapshot', await getStatus(vault, call, command, visible));
    }
  }
};

/** A `GetToken` that waits for a provider lets the next command of its user begin. */
const onRetrieval = (
  { vault, refresher }: Pick<ExecutionParts, 'vault' | 'refresher'>,
  from: CommandInProgress,
): RefreshOnRetrieval => ({
  refresher,
  wait: () => {
    from.releaseKeyOrder();
    return timeLeft(from, vault.now()) - REPLY_MARGIN_MS;
  },
});

/** A mutation takes effect at most once: its dedupe record, or the stored refusal of the same request, answers a repetition. */
const once = async <T>(
  { vault, admission, refusals }: ExecutionParts,
  call: Call,
  from: CommandInProgress,
  mutation: Mutation<T>,
): Promise<Answer<T>> => {
  const { user, platform, dedupeId, digest } = mutation;
  const view = await vault.store.readUser(user, platform, dedupeId, refusalId(call, from.headers.mac));
  const refusedBefore = storedRefusal(view, from.headers);
  if (refusedBefore !== null) return { ok: false, failure: refusedBefore };
  if (matchDedupeRecord(view, digest) === 'new') {
    const untimely = admitTime(admission, from);
    if (untimely !== null) return { ok: false, failure: untimely };
    await refusals.store(user);
  }
  return change(vault, call, mutation, view);
};

const typed = <Type extends Executed['type'], Value>(
  type: Type,
  answer: Answer<Value>,
): Answer<{ type: Type; value: Value }> => (answer.ok ? { ...answer, value: { type, value: answer.value } } : answer);
