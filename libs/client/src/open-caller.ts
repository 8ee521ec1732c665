import { randomUUID } from 'node:crypto';
import { type Bus, type BusRecord, createPublisher, type Inbox, openInbox, type Publisher } from '@vault-engine/bus';
import { InvalidRecord } from '@vault-engine/contracts';
import type { EngineKeys, ReplyHead } from '@vault-engine/protocol';
import { type CallOptions, optionsProblem } from './call-options.ts';
import { failedToSend } from './failed-to-send.ts';
import { openInTime } from './open-in-time.ts';
import type { Operation } from './operation.ts';
import { type PendingCall, PendingCalls } from './pending-calls.ts';
import { type CallerCodec, correlationOf, endBy, verify } from './read-reply.ts';
import { type Asked, type Signed, signCommand } from './sign-command.ts';
import { VaultClosed, VaultError } from './vault-error.ts';

/** What a caller works with. It opens and closes its own publisher and inbox. */
export interface CallerParts {
  readonly bus: Bus;
  readonly codec: CallerCodec;
  readonly commandsTopic: string;
  readonly replyTopic: string;
  /** Default: one of the reply topic's at random. Several callers may share one. */
  readonly replyPartition?: number | undefined;
  /** For requests that name none. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Told when replies can't be read any more. The next request opens the inbox anew. */
  readonly onInboxLost?: ((error: Error) => void) | undefined;
  /** Unix milliseconds, signed as the sent time. */
  readonly now?: (() => number) | undefined;
}

/** Sends commands and awaits their replies, under whichever engine's keys each request brings. */
export interface Caller {
  /**
   * Resolves with the answer that is authenticated under `keys`; whatever else comes, comes late or comes twice, ends
   * nothing.
   *
   * @param options `commandId`: the canonical text of a fresh UUID, where the caller wants to know it beforehand
   * @throws {VaultError} (`VaultTimeout` among them), `VaultClosed`, or the signal's reason
   */
  call<Value>(
    keys: EngineKeys,
    operation: Operation<Value>,
    options?: CallOptions & { readonly commandId?: string | undefined },
  ): Promise<Value>;
  /** Rejects what waits and closes the connections. */
  close(): Promise<void>;
}

/** Opens a caller. When this resolves, a reply to any request made from now on will be seen. */
export const openCaller = async (parts: CallerParts): Promise<Caller> => {
  const caller = new KafkaCaller(parts);
  try {
    await caller.open();
  } catch (cause) {
    await caller.close();
    const message = `replies can not be read from ${parts.replyTopic}: is the engine set up, and may it read there?`;
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
    // Nobody waits for a command longer than that: what can't be sent until then is better not sent.
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
    const asked = { requestId, keys, operation, timeoutMs: options.timeoutMs ?? this.#timeoutMs };
    return this.#inbox === null ? this.#askWhenOpen(asked, options) : this.#ask(this.#inbox, asked, options);
  }

  /** The slow path, after the inbox was lost. */
  async #askWhenOpen<Value>(asked: Asked<Value>, options: CallOptions): Promise<Value> {
    const inbox = await openInTime(() => this.open(), asked, options.signal);
    return this.#ask(inbox, asked, options);
  }

  /** The reply may come before the acknowledgement, so that nobody waits for that. */
  #ask<Value>(inbox: Inbox, asked: Asked<Value>, options: CallOptions): Promise<Value> {
    let command: Signed;
    try {
      command = signCommand(this.#parts, inbox, asked, options, this.#now());
    } catch (error) {
      return Promise.reject(asInvalidRequest(error, asked.requestId));
    }
    const reply = this.#pending.wait({ ...asked, head: command.head, signal: options.signal });
    this.#publisher.send(command.message).catch((error: unknown) => {
      this.#pending.get(command.head.commandId)?.reject(failedToSend(error, asked));
    });
    return reply;
  }

  #receive(record: BusRecord): void {
    const correlation = correlationOf(record);
    const call = correlation === undefined ? undefined : this.#pending.get(correlation);
    if (call === undefined) return;
    const verified = verify(call, record);
    switch (verified.kind) {
      case 'note':
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
    this.#parts.bus.log('warn', 'a reply was dropped', { reason, requestId, type: operation.command });
  }

  /** Opens the inbox where it is not open. */
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

  /** What waits may hear no more of its reply, and ends by its deadline: it may have been executed. */
  #lose(error: Error): void {
    const { bus, replyTopic: topic, onInboxLost } = this.#parts;
    const lost = this.#inbox;
    if (lost === null) return;
    this.#inbox = null;
    bus.log('error', 'replies can not be read any more', { topic, error: error.message });
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

/** A value that does not fit the schema is the caller's fault and named by its field. */
const asInvalidRequest = (error: unknown, requestId: string): unknown =>
  error instanceof InvalidRecord
    ? new VaultError('invalid_request', `the request does not fit its schema at ${error.paths.join(', ')}`, {
        requestId,
      })
    : error;
