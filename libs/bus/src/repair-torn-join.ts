import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';

/** Marks the methods as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();
/** Members whose last join ended halfway. */
const torn = new WeakSet<ConsumerGroup>();

/**
 * A member joins in two steps: the group gives it a generation, then an assignment. Where the second one fails, because the
 * connection breaks for example, kafkajs 2.2.4 goes on as if nothing had happened: with heartbeats of the new generation,
 * which the group confirms, and with commits of the old one, which it refuses for ever. Where the group had forgotten the
 * member and does not take it back at once, kafkajs goes on without any heartbeat. This has such a member join again, in
 * place of its next heartbeat.
 */
export function repairTornJoin(): void {
  const { prototype } = ConsumerGroup;
  const { heartbeat, joinAndSync } = prototype;
  if (typeof heartbeat !== 'function' || typeof joinAndSync !== 'function')
    throw new Error('kafkajs has changed: ConsumerGroup.heartbeat or joinAndSync is missing');
  if (repaired.has(joinAndSync)) return;
  prototype.joinAndSync = async function joinAndTellWhetherTorn(): Promise<void> {
    try {
      await joinAndSync.call(this);
      torn.delete(this);
    } catch (error) {
      if (isTorn(this)) torn.add(this);
      throw error;
    }
  };
  prototype.heartbeat = async function beatOrJoinAgain(interval): Promise<void> {
    if (torn.has(this)) throw new JoinTorn();
    await heartbeat.call(this, interval);
  };
  repaired.add(prototype.joinAndSync);
}

/** Not a member, or of another generation than its assignment. A join under way is so too, and is not asked. */
const isTorn = ({ memberId, generationId, offsetManager }: ConsumerGroup): boolean =>
  memberId === null || generationId !== (offsetManager?.generationId ?? null);

/** By its type kafkajs knows that the member has to join. */
class JoinTorn extends Error {
  override readonly name = 'JoinTorn';
  readonly type = 'REBALANCE_IN_PROGRESS';

  constructor() {
    super('the last join ended halfway');
  }
}
