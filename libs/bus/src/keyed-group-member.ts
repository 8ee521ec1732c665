import type { Consumer, EachBatchPayload } from 'kafkajs';
import { Assignment, type PartitionState } from './assignment.ts';
import { shouldHold } from './back-pressure.ts';
import type { Bus } from './bus.ts';
import type { Entry } from './commit-ledger.ts';
import { Committer } from './committer.ts';
import { ConsumerDead, watchStall } from './consumer-health.ts';
import { commitBy, openGroupConsumer } from './group-consumer.ts';
import type { KeyedConsumer, KeyedConsumerOptions, KeyedConsumerStats } from './keyed-consumer.ts';
import { KeyedScheduler, type Turn } from './keyed-scheduler.ts';
import { Membership } from './membership.ts';
import { Pauses } from './pauses.ts';
import { type BusRecord, sizeOf, toRecord } from './record.ts';
import { isLate } from './repair-late-fetch.ts';
import type { OffsetReset } from './repair-offset-reset.ts';
import { runRecord } from './run-record.ts';
import { endsWithin } from './time-limit.ts';

/** Joins the group; see `startKeyedConsumer`. */
export async function joinGroup(bus: Bus, options: Required<KeyedConsumerOptions>): Promise<KeyedConsumer> {
  const group = new KeyedGroupMember(bus, options);
  await group.start();
  return group;
}

/** A record on its way through its lane. */
interface Work {
  readonly record: BusRecord;
  readonly state: PartitionState;
  readonly entry: Entry;
}

class KeyedGroupMember implements KeyedConsumer {
  readonly #bus: Bus;
  readonly #options: Required<KeyedConsumerOptions>;
  readonly #consumer: Consumer;
  readonly #assignment = new Assignment();
  readonly #scheduler: KeyedScheduler<Work>;
  readonly #committer: Committer;
  readonly #pauses: Pauses;
  readonly #membership = new Membership();
  readonly #abort = new AbortController();
  readonly #joined = Promise.withResolvers<void>();
  readonly #stall;
  #commitTimer: NodeJS.Timeout | undefined;
  #finishedSinceCommit = 0;
  #stopping = false;
  #dead = false;

  constructor(bus: Bus, options: Required<KeyedConsumerOptions>) {
    this.#bus = bus;
    this.#options = options;
    this.#consumer = openGroupConsumer(bus, options, (reset) => this.#reset(reset));
    this.#stall = watchStall(bus, options.stallMs, () => this.#die(`has fetched nothing for ${options.stallMs} ms`));
    this.#pauses = new Pauses(this.#consumer);
    this.#scheduler = new KeyedScheduler({
      places: options.concurrency,
      start: (work, turn) => void this.#work(work, turn),
    });
    this.#committer = new Committer(
      () => this.#assignment.owned,
      (error) => this.#say('warn', 'commit failed, it will be repeated', error),
    );
  }

  async start(): Promise<void> {
    const { topics, commitEveryMs } = this.#options;
    this.#listen();
    this.#joined.promise.catch(() => undefined);
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => this.#take(payload),
      });
      await this.#joined.promise;
    } catch (error) {
      this.#stall.stop();
      await this.#consumer.disconnect().catch(() => undefined);
      throw error;
    }
    this.#commitTimer = setInterval(() => this.#commit(), commitEveryMs);
  }

  pause(reason: string): void {
    this.#pauses.pauseAll(reason);
  }

  resume(reason: string): void {
    this.#pauses.resumeAll(reason);
  }

  stats(): KeyedConsumerStats {
    return {
      working: this.#scheduler.working,
      open: this.#scheduler.open,
      pausedFor: this.#pauses.reasons,
      partitions: this.#assignment
        .stats(Date.now())
        .map((stats) => ({ ...stats, held: this.#pauses.isHeld(stats.topic, stats.partition) })),
    };
  }

  async stop({ drainMs }: { readonly drainMs: number }): Promise<{ drained: boolean; committed: boolean }> {
    this.#stopping = true;
    this.#pauses.pauseAll('stopping');
    const drained = await endsWithin(drainMs, this.#scheduler.drained());
    this.#abort.abort();
    this.#scheduler.halt();
    clearInterval(this.#commitTimer);
    const committed = await this.#committer.finish();
    this.#committer.close();
    this.#stall.stop();
    this.#pauses.left();
    await endsWithin(LEAVE_MS, this.#consumer.disconnect());
    return { drained, committed };
  }

  #listen(): void {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#join(payload.memberAssignment));
    this.#consumer.on(events.HEARTBEAT, ({ payload }) => {
      if (this.#membership.confirmed(payload.groupGenerationId)) this.#committer.resume();
    });
    this.#consumer.on(events.REBALANCING, () => this.#rebalance());
    this.#consumer.on(events.STOP, () => this.#leave());
    this.#consumer.on(events.FETCH, () => this.#stall.fetched());
    this.#consumer.on(events.CRASH, ({ payload: { restart, error } }) => {
      this.#leave();
      if (!restart) this.#die(`has crashed: ${error.message}`, error);
    });
  }

  /** Once. */
  #die(how: string, cause?: Error): void {
    if (this.#dead) return;
    this.#dead = true;
    const error = new ConsumerDead(`the consumer of group ${this.#options.groupId} ${how}`, { cause });
    this.#joined.reject(error);
    this.#options.onFatal(error);
  }

  /**
   * The group still takes commits of the old generation; what goes out now is ahead of the request to join. Where no join
   * follows, no record may follow either that would bring another way to commit: so this one is kept.
   */
  #rebalance(): void {
    this.#commit();
    this.#committer.suspend();
    this.#membership.rebalancing();
  }

  #join(assignment: Record<string, number[]>): void {
    this.#membership.joined();
    this.#committer.close();
    this.#assignment.join(assignment);
    this.#pauses.joined(assignment);
    this.#joined.resolve();
  }

  #leave(): void {
    this.#committer.close();
    this.#pauses.left();
  }

  /** Puts a batch's records into their lanes and moves the position on; it never waits, for all fetches wait for it. */
  #take({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): void {
    const state = this.#assignment.find(batch.topic, batch.partition);
    if (state === undefined || this.#stopping || isLate(batch) || this.#isStale()) return;
    state.highWatermark = BigInt(batch.highWatermark);
    this.#committer.use(commitBy(commitOffsetsIfNecessary));
    for (const message of batch.messages) this.#deliver(toRecord(batch.topic, batch.partition, message), state);
    resolveOffset(batch.lastOffset());
    this.#relieve(state);
  }

  /**
   * A process that was stopped for long has lost its partitions, and a fetch asks nobody whether it may: it would bring all
   * that others have worked off meanwhile. The heartbeat that follows tells; if all is well, the batch comes again.
   */
  #isStale(): boolean {
    return this.#membership.isStale(this.#options.sessionTimeoutMs / 2);
  }

  #deliver(record: BusRecord, state: PartitionState): void {
    const turnedBackFrom = state.ledger.turnedBackFrom(record.offset);
    if (turnedBackFrom !== null) {
      const { topic, partition, offset } = record;
      this.#options.onOffsetReset({ topic, partition, from: turnedBackFrom, to: offset });
    }
    const delivery = state.ledger.deliver(record);
    if (delivery.kind === 'known') return;
    state.unfinished += 1;
    state.unfinishedBytes += sizeOf(record);
    const orderingKey = this.#options.ordered(record) ? orderingKeyOf(record) : null;
    this.#scheduler.submit(orderingKey, { record, state, entry: delivery.entry });
  }

  async #work({ record, state, entry }: Work, turn: Turn): Promise<void> {
    const done = await runRecord(record, turn, this.#abort.signal, this.#options);
    if (!done) return;
    state.ledger.finish(entry);
    state.unfinished -= 1;
    state.unfinishedBytes -= sizeOf(record);
    turn.end();
    this.#relieve(state);
    this.#finishedSinceCommit += 1;
    if (this.#finishedSinceCommit >= this.#options.commitEvery) this.#commit();
  }

  #commit(): void {
    this.#finishedSinceCommit = 0;
    void this.#committer.commit();
  }

  /** Holds the partition back or lets it go on. */
  #relieve(state: PartitionState): void {
    const { topic, partition, unfinished, unfinishedBytes, ledger } = state;
    const held = this.#pauses.isHeld(topic, partition);
    const hold = shouldHold(held, { unfinished, unfinishedBytes, uncommitted: ledger.size }, this.#options);
    if (hold !== held) this.#pauses.hold(topic, partition, hold);
  }

  #reset(reset: OffsetReset): void {
    this.#assignment.find(reset.topic, reset.partition)?.ledger.reset();
    this.#options.onOffsetReset(reset);
  }

  #say(level: 'warn', message: string, error: unknown): void {
    this.#bus.log(level, message, {
      groupId: this.#options.groupId,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

const LEAVE_MS = 5_000;

/** Without a key nothing asks for an order. */
function orderingKeyOf({ topic, key }: BusRecord): string | null {
  return key === null ? null : `${topic}/${key.toString('latin1')}`;
}
