import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Bus } from '../bus.ts';
import { messageOf } from '../errors.ts';
import type { EmptyFetch, OffsetReset } from '../kafkajs/consumer-observer.ts';
import { isStaleBatch } from '../kafkajs/patch-consumer-group.ts';
import { type BusRecord, fromMessage, sizeOf, undecodedCodecOf } from '../record.ts';
import { type RequiredRight, RightMissing } from '../rights.ts';
import { endsWithin } from '../time-limit.ts';
import { Assignment, type PartitionState, type PartitionStats } from './assignment.ts';
import { isOverloaded, type PressureLimits } from './back-pressure.ts';
import type { Entry } from './commit-ledger.ts';
import { Committer } from './committer.ts';
import { ConsumerDead, firstFetch, type OnFatal, PartitionStalled, watchStall } from './consumer-health.ts';
import { commitBy, openGroupConsumer } from './group-consumer.ts';
import { KeyedScheduler, type Turn } from './keyed-scheduler.ts';
import { Membership } from './membership.ts';
import { Pauses } from './pauses.ts';
import { type HandlerOptions, runRecord } from './run-record.ts';

export interface KeyedConsumerOptions extends Omit<HandlerOptions, 'maxThrows'>, Partial<PressureLimits> {
  readonly groupId: string;
  /** All members of a group must name the same topics. */
  readonly topics: readonly string[];
  /**
   * Called as a record arrives, on the fetch path: false for a record that need not wait for earlier records of its key. Must be
   * quick and must not throw. Default: every record with a key waits.
   */
  readonly ordered?: (record: BusRecord) => boolean;
  /** The number of records handled concurrently. Default 256. */
  readonly concurrency?: number;
  /** After so many throws of the handler in a row a record moves to the dead-letter topic. Default 12, which takes about 35 s. */
  readonly maxThrows?: number;
  /** The interval between commits, in ms. Default 300. */
  readonly commitEveryMs?: number;
  /** Commits also after so many finished records. Default 1000. */
  readonly commitEvery?: number;
  /** After this time without a heartbeat, in ms, the group assigns the partitions to other members. Default 10000. */
  readonly sessionTimeoutMs?: number;
  /** After this time without a fetch, in ms, although the brokers respond, the consumer counts as dead. Default 60000. */
  readonly stallMs?: number;
  /** After this time, in ms, a partition that does not advance although it has unread records fails {@link KeyedConsumer.probe}. Default 30000. */
  readonly partitionStallMs?: number;
  /** Records were lost or are delivered again: the log starts above the group's offset, or the group's offsets were lowered. */
  readonly onOffsetReset: (reset: OffsetReset) => void;
  /** The consumer has ended for good: end the process. */
  readonly onFatal: OnFatal;
}

export interface KeyedConsumerStats {
  /** Records being handled. */
  readonly working: number;
  /** Records that have arrived and are not finished, waiting ones included. */
  readonly open: number;
  /** The reasons for which all partitions are paused; empty: they are not. */
  readonly pausedFor: readonly string[];
  readonly partitions: readonly PartitionStats[];
}

/** A member of a consumer group that handles records by key. */
export interface KeyedConsumer {
  /** Stops reading; records that have arrived are still handled. Each reason needs its own {@link KeyedConsumer.resume}. */
  pause(reason: string): void;
  resume(reason: string): void;
  stats(): KeyedConsumerStats;
  /**
   * For readiness.
   *
   * @throws {PartitionStalled} where a partition has not advanced for `partitionStallMs` although it has unread records
   * @throws {RightMissing} while the brokers refuse a right that was taken away; the consumer continues when it is back
   */
  probe(): Promise<void>;
  /**
   * Stops reading, handles the records that have arrived for up to `drainMs`, then aborts the running handlers, commits and
   * leaves the group. Unfinished records are delivered again, to the next member with the partition.
   */
  stop(options: { readonly drainMs: number }): Promise<{ readonly drained: boolean; readonly committed: boolean }>;
}

/**
 * Joins a consumer group and handles its topics' records. Records with the same key are handled one after the other, in their
 * order; different keys, and records that {@link KeyedConsumerOptions.ordered} excepts, are handled concurrently. A record's
 * offset is committed when the record and all before it in its partition are done, never earlier. Resolves when the group is
 * joined and the topics may be read.
 *
 * @throws {RightMissing} where the brokers refuse a right
 * @throws {ConsumerDead} where the group cannot be joined
 */
export async function startKeyedConsumer(bus: Bus, options: KeyedConsumerOptions): Promise<KeyedConsumer> {
  const consumer = new KeyedGroupMember(bus, {
    ...options,
    ordered: options.ordered ?? (() => true),
    concurrency: options.concurrency ?? 256,
    maxThrows: options.maxThrows ?? 12,
    commitEveryMs: options.commitEveryMs ?? 300,
    commitEvery: options.commitEvery ?? 1_000,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    stallMs: options.stallMs ?? 60_000,
    partitionStallMs: options.partitionStallMs ?? 30_000,
    maxUnfinished: options.maxUnfinished ?? 16_000,
    maxUnfinishedBytes: options.maxUnfinishedBytes ?? 16 * 1024 * 1024,
    maxUncommitted: options.maxUncommitted ?? 200_000,
  });
  await consumer.start();
  return consumer;
}

/** A record on its way through the scheduler. */
interface Work {
  readonly record: BusRecord;
  readonly state: PartitionState;
  readonly entry: Entry;
  /** The codec of a batch that could not be decoded, whose bytes are the record's value. */
  readonly undecodedCodec: string | undefined;
}

class KeyedGroupMember implements KeyedConsumer {
  readonly #bus: Bus;
  readonly #rights: readonly RequiredRight[];
  readonly #options: Required<KeyedConsumerOptions>;
  readonly #consumer: Consumer;
  readonly #assignment = new Assignment();
  readonly #scheduler: KeyedScheduler<Work>;
  readonly #committer: Committer;
  readonly #pauses: Pauses;
  readonly #membership = new Membership();
  readonly #abort = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  readonly #stall;
  #commitTimer: NodeJS.Timeout | undefined;
  #finishedSinceCommit = 0;
  #running = false;
  #stopping = false;
  #dead = false;
  /** The right without which the consumer cannot read at present. */
  #missing: RightMissing | null = null;
  #reconnectTimer: NodeJS.Timeout | undefined;
  #resuming: Promise<void> | undefined;
  #reconnectMs = RECONNECT_FIRST_MS;

  constructor(bus: Bus, options: Required<KeyedConsumerOptions>) {
    this.#bus = bus;
    this.#options = options;
    this.#rights = [
      { operation: 'READ', resource: 'topic', name: options.topics.join(', ') },
      { operation: 'READ', resource: 'group', name: options.groupId },
    ];
    this.#consumer = openGroupConsumer(bus, options, {
      onReset: (reset) => this.#onReset(reset),
      onEmptyFetch: (fetch) => this.#onEmptyFetch(fetch),
    });
    this.#stall = watchStall(bus, options.stallMs, () => this.#die(`has fetched nothing for ${options.stallMs} ms`));
    this.#pauses = new Pauses(this.#consumer);
    this.#scheduler = new KeyedScheduler({
      permits: options.concurrency,
      start: (work, turn) => void this.#work(work, turn),
    });
    this.#committer = new Committer(
      () => this.#assignment.owned,
      (error) => bus.log('warn', 'offset commit failed', { groupId: options.groupId, error: messageOf(error) }),
    );
  }

  async start(): Promise<void> {
    const { topics, commitEveryMs } = this.#options;
    this.#listen();
    this.#started.promise.catch(() => undefined);
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
      void firstFetch(this.#consumer).then(this.#started.resolve);
      await this.#read();
      await this.#started.promise;
    } catch (error) {
      this.#stall.stop();
      await this.#consumer.disconnect().catch(() => undefined);
      throw this.#bus.rights.explain(error, this.#rights);
    }
    this.#running = true;
    this.#commitTimer = setInterval(() => {
      this.#assignment.compare(Date.now());
      this.#commit();
    }, commitEveryMs);
  }

  #read(): Promise<void> {
    return this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => this.#take(payload),
    });
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
      partitions: this.#assignment.stats(Date.now()),
    };
  }

  async probe(): Promise<void> {
    if (this.#missing !== null) throw this.#missing;
    const stalled = this.#assignment
      .stats(Date.now())
      .filter(({ stalledMs }) => stalledMs >= this.#options.partitionStallMs);
    if (stalled.length > 0) throw new PartitionStalled(this.#options.groupId, stalled);
  }

  async stop({ drainMs }: { readonly drainMs: number }): Promise<{ drained: boolean; committed: boolean }> {
    this.#stopping = true;
    clearTimeout(this.#reconnectTimer);
    this.#onRightsBack();
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
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#onJoin(payload.memberAssignment));
    this.#consumer.on(events.HEARTBEAT, ({ payload }) => {
      if (this.#membership.confirmed(payload.groupGenerationId)) this.#committer.resume();
    });
    this.#consumer.on(events.REBALANCING, () => this.#onRebalancing());
    this.#consumer.on(events.STOP, () => this.#onLeave());
    this.#consumer.on(events.FETCH, () => this.#stall.fetched());
    this.#consumer.on(events.CRASH, ({ payload: { restart, error } }) => {
      this.#onLeave();
      if (restart) return;
      const explained = this.#bus.rights.explain(error, this.#rights);
      if (explained instanceof RightMissing) this.#onRefused(explained);
      else this.#die(`has crashed: ${error.message}`, error);
    });
  }

  /** At the start the caller decides. Later the consumer reconnects with backoff until the right is back. */
  #onRefused(error: RightMissing): void {
    this.#stall.fetched();
    if (!this.#running) this.#started.reject(error);
    if (!this.#running || this.#stopping) return;
    if (this.#missing === null)
      this.#bus.log('error', 'consumer stopped, a right is missing', {
        groupId: this.#options.groupId,
        error: error.message,
      });
    this.#missing = error;
    this.#bus.rights.refused(error);
    this.#reconnectTimer = setTimeout(() => void this.#reconnect(), this.#reconnectMs);
    this.#reconnectMs = Math.min(2 * this.#reconnectMs, RECONNECT_LAST_MS);
  }

  async #reconnect(): Promise<void> {
    try {
      this.#stall.fetched();
      await this.#consumer.connect();
      this.#resuming ??= firstFetch(this.#consumer).then(() => this.#onRightsBack());
      await this.#read();
    } catch (error) {
      // The brokers may be away by now: what was missing still is, as far as is known.
      const explained = this.#bus.rights.explain(error, this.#rights);
      const missing = explained instanceof RightMissing ? explained : this.#missing;
      if (missing !== null) this.#onRefused(missing);
    }
  }

  #onRightsBack(): void {
    if (this.#missing === null) return;
    this.#missing = null;
    this.#resuming = undefined;
    this.#reconnectMs = RECONNECT_FIRST_MS;
    for (const right of this.#rights) this.#bus.rights.granted(right);
    if (!this.#stopping) this.#bus.log('info', 'consumer resumed', { groupId: this.#options.groupId });
  }

  /** Reports the end of the consumer, once. */
  #die(how: string, cause?: Error): void {
    if (this.#dead) return;
    this.#dead = true;
    const error = new ConsumerDead(`the consumer of group ${this.#options.groupId} ${how}`, { cause });
    this.#started.reject(error);
    this.#options.onFatal(error);
  }

  /**
   * The group still accepts commits of the old generation; a commit sent now arrives before the request to join. If no join
   * follows, no batch may follow either that would set how to commit. So the committer is suspended, not closed.
   */
  #onRebalancing(): void {
    this.#commit();
    this.#committer.suspend();
    this.#membership.rebalancing();
  }

  #onJoin(assignment: Record<string, number[]>): void {
    this.#membership.joined();
    this.#committer.close();
    this.#assignment.join(assignment, Date.now());
    this.#pauses.joined(assignment);
  }

  #onLeave(): void {
    this.#committer.close();
    this.#pauses.left();
  }

  #onReset(reset: OffsetReset): void {
    const state = this.#assignment.find(reset.topic, reset.partition);
    if (state !== undefined) {
      state.ledger.reset();
      state.emptyFetch = '';
    }
    this.#options.onOffsetReset(reset);
  }

  /** Advances past control records and empty batches, so that the position is committed without a record. */
  #onEmptyFetch({ topic, partition, position, highWatermark, commit }: EmptyFetch): void {
    const state = this.#assignment.find(topic, partition);
    if (state === undefined || this.#stopping || this.#isUnconfirmed()) return;
    this.#committer.useFirst(commitBy(commit));
    const fetch = `${position}/${highWatermark}`;
    if (state.emptyFetch === fetch) return;
    state.emptyFetch = fetch;
    state.highWatermark = BigInt(highWatermark);
    const next = BigInt(position);
    this.#startAt(state, next);
    state.ledger.skipTo(next);
  }

  /** Takes the first position after an assignment; reports a group offset that was lowered. */
  #startAt({ topic, partition, ledger }: PartitionState, position: bigint): void {
    const from = ledger.startAt(position);
    if (from !== null) this.#options.onOffsetReset({ topic, partition, from, to: position });
  }

  /** Submits a batch's records to the scheduler and advances the position. Never waits: all fetches wait for it. */
  #take({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): void {
    const state = this.#assignment.find(batch.topic, batch.partition);
    if (state === undefined || this.#stopping || isStaleBatch(batch) || this.#isUnconfirmed()) return;
    state.highWatermark = BigInt(batch.highWatermark);
    this.#committer.use(commitBy(commitOffsetsIfNecessary));
    const last = batch.lastOffset();
    const first = batch.messages[0]?.offset;
    if (first !== undefined) this.#startAt(state, BigInt(first));
    for (const message of batch.messages)
      this.#deliver(fromMessage(batch.topic, batch.partition, message), state, undecodedCodecOf(message));
    state.ledger.skipTo(BigInt(last) + 1n);
    resolveOffset(last);
    this.#updatePause(state);
  }

  /**
   * A process that was suspended for long has lost its partitions, and a fetch does not check membership: it would return
   * records that other members have handled meanwhile. The heartbeat that follows the batch decides. If the group confirms the
   * member, the batch is fetched again.
   */
  #isUnconfirmed(): boolean {
    return this.#membership.isStale(this.#options.sessionTimeoutMs / 2);
  }

  #deliver(record: BusRecord, state: PartitionState, undecodedCodec: string | undefined): void {
    const delivery = state.ledger.deliver(record);
    if (delivery.kind === 'known') return;
    state.unfinished += 1;
    state.unfinishedBytes += sizeOf(record);
    const orderingKey = this.#options.ordered(record) ? orderingKeyOf(record) : null;
    this.#scheduler.submit(orderingKey, { record, state, entry: delivery.entry, undecodedCodec });
  }

  async #work({ record, state, entry, undecodedCodec }: Work, turn: Turn): Promise<void> {
    const options =
      undecodedCodec === undefined ? this.#options : this.#refusing(`undecodable_batch:${undecodedCodec}`);
    const done = await runRecord(record, turn, this.#abort.signal, options);
    if (!done) return;
    state.ledger.finish(entry);
    state.unfinished -= 1;
    state.unfinishedBytes -= sizeOf(record);
    turn.end();
    this.#updatePause(state);
    this.#finishedSinceCommit += 1;
    if (this.#finishedSinceCommit >= this.#options.commitEvery) this.#commit();
  }

  /** A batch that cannot be decoded moves to the dead-letter topic as it is, and reading continues behind it. */
  #refusing(reason: string): Required<KeyedConsumerOptions> {
    return { ...this.#options, handle: async () => ({ kind: 'dead-letter', reason }) };
  }

  #commit(): void {
    this.#finishedSinceCommit = 0;
    void this.#committer.commit();
  }

  /** Pauses an overloaded partition, or resumes it. */
  #updatePause(state: PartitionState): void {
    const { topic, partition, unfinished, unfinishedBytes, ledger } = state;
    const overloaded = isOverloaded(
      state.overloaded,
      { unfinished, unfinishedBytes, uncommitted: ledger.size },
      this.#options,
    );
    if (overloaded === state.overloaded) return;
    state.overloaded = overloaded;
    this.#pauses.setOverloaded(topic, partition, overloaded);
  }
}

const LEAVE_MS = 5_000;
const RECONNECT_FIRST_MS = 1_000;
const RECONNECT_LAST_MS = 10_000;

/** A record without a key has no order. */
function orderingKeyOf({ topic, key }: BusRecord): string | null {
  return key === null ? null : `${topic}/${key.toString('latin1')}`;
}
