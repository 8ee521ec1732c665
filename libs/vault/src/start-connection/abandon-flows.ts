import type { UserId } from '@vault-engine/model';
import type { Vault } from '../call.ts';
import { nextVersion } from '../change/change.ts';
import { carryOut, contended, MAX_CONFLICTS, type TransitionActor, transitionOf } from '../change/transition.ts';
import type { Flow, UserRow } from '../connection-record.ts';
import { status } from '../status.ts';
import type { Change, TokenStore, UserView } from '../token-store.ts';

/** The parts that abandon flows. */
export interface AbandoningParts extends Pick<Vault, 'journal' | 'now' | 'uuid'> {
  readonly store: Pick<TokenStore, 'readUser' | 'apply' | 'settle'>;
}

const SCHEDULER: TransitionActor = {
  requestId: null,
  engine: 'refresh-scheduler',
  keyId: null,
  action: 'AbandonFlow',
  eventEngine: null,
};

/**
 * Ends the flows of a user that are past their time, each with an event, and answers their number. Of several processes that
 * do so at once, one finds them. Rejects with `PortUnavailable`; the change may be in place then, and its events are drained
 * later.
 */
export const abandonFlows = async (parts: AbandoningParts, user: UserId): Promise<number> => {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const view = await parts.store.readUser(user, null, null);
    const over = flowsOver(view);
    if (view.user === null || over.length === 0) return 0;
    const applied = await carryOut(parts, changeOf(parts, user, view.user, view, over));
    if (applied.kind === 'applied') return over.length;
  }
  throw contended();
};

/** By the store's clock, which made them due: a clock behind it would find nothing to do. */
const flowsOver = ({ flows, nowMicros }: UserView): readonly Flow[] =>
  flows.filter(({ expiresAt }) => expiresAt * 1_000 <= nowMicros);

const changeOf = (
  parts: AbandoningParts,
  user: UserId,
  row: UserRow,
  view: UserView,
  over: readonly Flow[],
): Change => {
  const revision = nextVersion(row.revision, view.nowMicros);
  const [only, ...others] = over;
  const platform = only !== undefined && others.length === 0 ? only.platform : null;
  return {
    user,
    expectedRevision: row.revision,
    revision,
    dataKey: null,
    put: null,
    leaseOwner: null,
    remove: [],
    flows: view.flows.filter((flow) => !over.includes(flow)),
    forget: false,
    dedupe: null,
    transition: transitionOf(parts, SCHEDULER, {
      about: { user, platform },
      revision,
      events: over.map((flow) => abandoned(view, flow, parts.now())),
    }),
  };
};

const abandoned = ({ connections }: UserView, { platform }: Flow, now: number) => ({
  platform,
  change: 'FLOW_ABANDONED' as const,
  view: status(connections.get(platform) ?? null, now),
});
