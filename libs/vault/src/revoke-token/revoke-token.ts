import type { PlatformId } from '@vault-engine/model';
import { type Call, type DeadlineBudget, refuse, type Vault } from '../call.ts';
import { type Decision, type Mutation, nextVersion } from '../change/change.ts';
import { commandDigest, dedupeId } from '../change/dedupe.ts';
import type { RecordName } from '../credentials.ts';
import { status } from '../status.ts';
import type { UserView } from '../token-store.ts';
import { type EndingParts, endGrant, type GrantEnd } from './end-grant.ts';

/** The answer of `RevokeToken`. */
export interface TokenRevoked {
  readonly platform: PlatformId;
  readonly revision: number;
  /** Null: an earlier version revoked it without asking the provider. */
  readonly provider: GrantEnd | null;
}

/**
 * Ends a connection's grant at the provider, then deletes the connection, whatever the provider answers. A flow that the user
 * has started since stays open.
 */
export const revokeToken = (
  vault: EndingParts,
  call: Call,
  { user, platform }: RecordName,
  deadlineBudget: DeadlineBudget,
): Mutation<TokenRevoked> => {
  const ended = new Map<number, GrantEnd | null>();
  /** Asks once per credentials, however often `decide` runs. */
  const endOnce = async (tokenVersion: number): Promise<GrantEnd | null> => {
    const known = ended.get(tokenVersion);
    if (known !== undefined) return known;
    const end = await endGrant(vault, call, { user, platform }, deadlineBudget);
    ended.set(tokenVersion, end);
    return end;
  };
  return {
    user,
    platform,
    dedupeId: dedupeId(call, user),
    digest: commandDigest(call, user, platform),
    decide: (view) => decide(platform, view, vault.now, endOnce),
    recalled: (value) => ({ provider: null, ...(value as Recalled) }), // written by `change` from a TokenRevoked
  };
};

/** As this version or an earlier one wrote it. */
type Recalled = Omit<TokenRevoked, 'provider'> & Partial<Pick<TokenRevoked, 'provider'>>;

const decide = async (
  platform: PlatformId,
  view: UserView,
  now: Vault['now'],
  endOnce: (tokenVersion: number) => Promise<GrantEnd | null>,
): Promise<Decision<TokenRevoked>> => {
  const existing = view.connections.get(platform);
  if (view.user === null || existing === undefined) return NOT_CONNECTED;
  const provider = await endOnce(existing.tokenVersion);
  if (provider === null) return NOT_CONNECTED;
  const flow = view.flows.find((open) => open.platform === platform) ?? null;
  const revision = nextVersion(view.user.revision, view.nowMicros);
  return {
    kind: 'change',
    value: { platform, revision, provider },
    write: { revision, dataKey: null, put: null, remove: [platform], flows: null, forget: false },
    events: [{ platform, change: 'REVOKED', view: status(null, now(), flow) }],
    recordVersion: existing.version,
  };
};

const NOT_CONNECTED: Decision<never> = {
  kind: 'refuse',
  failure: refuse('not_connected', 'the user has no connection on this platform').failure,
};
