import { randomUUID } from 'node:crypto';
import {
  type Bus,
  type BusRecord,
  createPublisher,
  type Inbox,
  openInbox,
  type Publisher,
} from '@vault-engine/bus/client';
import { InvalidRecord } from '@vault-engine/contracts';
import type { EngineKeys, ReplyHead } from '@vault-engine/protocol/client';
import { openInTime } from './open-in-time.ts';
import type { Operation } from './operation.ts';
import { type CallerCodec, correlationOf, endBy, type PendingCall, PendingCalls, verify } from './pending-calls.ts';
import { type CallOptions, optionsProblem, type Signed, signCommand, type Unsigned } from './sign-command.ts';
import { failedToSend, VaultClosed, VaultError } from './vault-error.ts';

/** The dependencies of a caller. The caller opens and closes its own publisher and inbox. */
export interface CallerParts {
  readonly bus: Bus;
  readonly codec: CallerCodec;
  readonly commandsTopic: string;
  readonly replyTopic: string;
  /** Default: a random partition of the reply topic. Several callers may share a partition. */
  readonly replyPartition?: number | undefined;
  /** The timeout of requests that give none. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Called when reading replies has ended because of an error. The next request opens a new inbox. */
  readonly onInboxLost?: ((error: Error) => void) | undefined;
  /** Unix milliseconds, signed as the sent time. */
  readonly now?: (() => number) | undefined;
}

/** Sends commands and awaits their replies. Each request has its own engine's keys. */
export interface Caller {
  /**
   * Resolves with the first reply that is authenticated under `keys`. Unauthenticated, late and repeated replies are
   * dropped.
   *
   * @param options `commandId`: the canonical text of a new UUID, for callers that need to know it in advance
   * @throws {VaultError} (including `VaultTimeout`), `VaultClosed`, or the signal's reason
   */
  call<Value>(
    keys: EngineKeys,
    operation: Operation<Value>,
    options?: CallOptions & { readonly commandId?: string | undefined },
  ): Promise<Value>;
  /** Rejects pending requests and closes the connections. */
  close(): Promise<void>;
}

/** Opens a caller. When the promise resolves, the caller reads its reply partition, so no reply can be missed. */
export const openCaller = async (parts: CallerParts): Promise<Caller> => {
  const caller = new KafkaCaller(parts);
  try {
    await caller.open();
  } catch (cause) {
    await caller.close();
    const message = `cannot read replies from ${parts.replyTopic}; check that the engine is set up and may read this topic`;
    throw new Error(message, { cause });
  }
  return caller;
};

const DEFAULT_TIMEOUT_MS = 5_000;

class KafkaCaller implements Caller {
  readonly #parts: CallerParts;
  readonly #publisher: Publisher;
  readonly #pending = new PendingCalls();
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #inbox: Inbox | null = null;
  #opening: Promise<Inbox> | null = null;
  #closed = false;

  constructor(parts: CallerParts) {
    this.#parts = parts;
    this.#timeoutMs = parts.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    // No request waits longer than this, so a command that cannot be sent in time is not sent at all.
    this.#publisher = createPublisher(parts.bus, { sendTimeoutMs: this.#timeoutMs });
    this.#now = parts.now ?? Date.now;
  }

  call<Value>(
    keys: EngineKeys,
    operation: Operation<Value>,
    options: CallOptions & { readonly commandId?: string | undefined } = {},
  ): Promise<Value> {
    if (this.#closed) return Promise.reject(new VaultClosed());
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const requestId = options.commandId ?? randomUUID();
    const problem = optionsProblem(options);
    if (problem !== null) return Promise.reject(new VaultError('invalid_request', problem, { requestId }));
    const request = { requestId, keys, operation, timeoutMs: options.timeoutMs ?? this.#timeoutMs };
    return this.#inbox === null ? this.#sendWhenOpen(request, options) : this.#send(this.#inbox, request, options);
  }

  /** The slow path, while no inbox is open. */
  async #sendWhenOpen<Value>(request: Unsigned<Value>, options: CallOptions): Promise<Value> {
    const inbox = await openInTime(() => this.open(), request, options.signal);
    return this.#send(inbox, request, options);
  }

  /** Does not await the acknowledgement: the reply may arrive before it. */
  #send<Value>(inbox: Inbox, request: Unsigned<Value>, options: CallOptions): Promise<Value> {
    let command: Signed;
    try {
      command = signCommand(this.#parts, inbox, request, options, this.#now());
    } catch (error) {
      return Promise.reject(asInvalidRequest(error, request.requestId));
    }
    const reply = this.#pending.wait({ ...request, head: command.head, signal: options.signal });
    this.#publisher.send(command.message).catch((error: unknown) => {
      this.#pending.get(command.head.commandId)?.reject(failedToSend(error, request));
    });
    return reply;
  }

  #receive(record: BusRecord): void {
    const correlation = correlationOf(record);
    const call = correlation === undefined ? undefined : this.#pending.get(correlation);
    if (call === undefined) return;
    const verified = verify(call, record);
    switch (verified.kind) {
      case 'notice':
        this.#pending.question(call);
        break;
      case 'foreign':
        this.#drop(call, verified.reason);
        break;
      case 'reply':
        this.#pending.vindicate(call);
        this.#end(call, verified.head, verified.value);
        break;
    }
  }

  #end(call: PendingCall, head: ReplyHead, value: Buffer): void {
    const decoded = this.#parts.codec.decode(value);
    if (!(decoded instanceof Promise)) {
      if (!endBy(call, head, decoded)) this.#drop(call, 'not_the_answer');
      return;
    }
    decoded.then(
      (late) => {
        if (!endBy(call, head, late)) this.#drop(call, 'not_the_answer');
      },
      () => this.#drop(call, 'registry_unavailable'),
    );
  }

  #drop({ requestId, operation }: PendingCall, reason: string): void {
    this.#parts.bus.log('warn', 'reply dropped', { reason, requestId, type: operation.command });
  }

  /** Opens the inbox, or joins an opening in progress. */
  open(): Promise<Inbox> {
    if (this.#closed) return Promise.reject(new VaultClosed());
    this.#opening ??= this.#openInbox().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openInbox(): Promise<Inbox> {
    const { bus, replyTopic: topic, replyPartition: partition } = this.#parts;
    const inbox = await openInbox(bus, {
      topic,
      ...(partition === undefined ? {} : { partition }),
      onRecord: (record) => this.#receive(record),
      onFatal: (error) => this.#lose(error),
    });
    if (this.#closed) {
      await inbox.close();
      throw new VaultClosed();
    }
    this.#inbox = inbox;
    return inbox;
  }

  /** Pending requests may have been executed, but their replies may be missed: they end at their deadline. */
  #lose(error: Error): void {
    const { bus, replyTopic: topic, onInboxLost } = this.#parts;
    const lost = this.#inbox;
    if (lost === null) return;
    this.#inbox = null;
    bus.log('error', 'reply topic consumer failed', { topic, error: error.message });
    lost.close().catch(() => undefined);
    onInboxLost?.(error);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending.rejectAll(new VaultClosed());
    await this.#opening?.catch(() => undefined);
    await Promise.all([this.#inbox?.close(), this.#publisher.close()]);
  }
}

/** A value that does not fit the schema is an invalid request; the error names the field. */
const asInvalidRequest = (error: unknown, requestId: string): unknown =>
  error instanceof InvalidRecord
    ? new VaultError('invalid_request', `the request does not fit its schema at ${error.paths.join(', ')}`, {
        requestId,
      })
    : error;
