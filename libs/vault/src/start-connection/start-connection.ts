import type { PlatformId, UserId } from '@vault-engine/model';
import { type Call, refuse, type Vault } from '../call.ts';
import { type Decision, type Mutation, nextVersion } from '../change/change.ts';
import { commandDigest, dedupeId } from '../change/dedupe.ts';
import type { Flow } from '../connection-record.ts';
import { status } from '../status.ts';
import type { UserView } from '../token-store.ts';

/** The `StartConnection` command. */
export interface StartConnection {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** The caller's id for the flow; null: the vault makes one. */
  readonly flowId: string | null;
}

/** The answer of `StartConnection`. */
export interface ConnectionStarted {
  readonly platform: PlatformId;
  readonly flowId: string;
  /** When the flow is abandoned, Unix milliseconds. */
  readonly expiresAt: number;
  readonly revision: number;
}

const FLOW_ID = /^[A-Za-z0-9._~:-]{1,128}$/;

/** Whether `text` is a flow id: 1–128 of `A-Z a-z 0-9 . _ ~ : -`. Snapshots show flow ids, so they are not secret. */
export const isFlowId = (text: string): boolean => FLOW_ID.test(text);

/** The parts that `StartConnection` uses. */
export type StartingParts = Pick<Vault, 'platforms' | 'keys' | 'now' | 'uuid'>;

/**
 * Notes that the user has begun to connect a platform, so that an unfinished flow can be seen. A user has one open flow on a
 * platform: a new one replaces it. Precondition: {@link isFlowId} accepts the flow id.
 */
export const startConnection = (
  vault: StartingParts,
  call: Call,
  command: StartConnection,
): Mutation<ConnectionStarted> => ({
  user: command.user,
  platform: command.platform,
  dedupeId: dedupeId(call, command.user),
  digest: digestOf(call, command),
  decide: (view) => decide(vault, command, view),
  recalled: (value) => value as ConnectionStarted, // written by `change` from a ConnectionStarted
});

const digestOf = (call: Call, { user, platform, flowId }: StartConnection): Buffer =>
  commandDigest(call, user, platform, ...(flowId === null ? [] : [flowId]));

const decide = async (
  vault: StartingParts,
  { user, platform, flowId }: StartConnection,
  view: UserView,
): Promise<Decision<ConnectionStarted>> => {
  if (vault.platforms.displayName(platform) === null) {
    const { failure } = refuse('invalid_request', 'there is no such platform', 'unknown_platform');
    return { kind: 'refuse', failure };
  }
  const now = vault.now();
  const expiresAt = now + vault.platforms.flowMs(platform);
  const flow: Flow = { id: flowId ?? vault.uuid(), platform, startedAt: now, expiresAt };
  const revision = nextVersion(view.user?.revision ?? null, view.nowMicros);
  const record = view.connections.get(platform) ?? null;
  return {
    kind: 'change',
    value: { platform, flowId: flow.id, expiresAt, revision },
    write: {
      revision,
      dataKey: view.user === null ? (await vault.keys.newKey(user)).wrapped : null,
      put: null,
      remove: [],
      flows: [...view.flows.filter((other) => other.platform !== platform), flow],
      forget: false,
    },
    events: [{ platform, change: 'FLOW_STARTED', view: status(record, now, flow) }],
  };
};
