import { brokerErrorOf } from '../errors.ts';

/** Why a message was not acknowledged. */
export type PublishReason =
  /** No acknowledgement within the time limit. The message may have been written. */
  | 'timeout'
  | 'unknown_topic'
  /** The topic has no such partition; nothing was written. */
  | 'no_such_partition'
  /** Larger than the topic's `max.message.bytes`. */
  | 'too_large'
  /** The publisher's queue is full; nothing was written. */
  | 'queue_full'
  /** Refused by the broker: a missing right, or a record that the broker calls invalid. */
  | 'refused'
  /** The publisher is closed. */
  | 'closed';

const RETRYABLE: Readonly<Record<PublishReason, boolean>> = {
  timeout: true,
  unknown_topic: true,
  no_such_partition: false,
  too_large: false,
  queue_full: true,
  refused: false,
  closed: false,
};

/** A message was not acknowledged. The text names topic and reason, never the message. */
export class PublishFailed extends Error {
  override readonly name = 'PublishFailed';
  readonly reason: PublishReason;
  readonly topic: string;
  /** Whether sending the same message again may succeed. */
  readonly retryable: boolean;
  constructor(reason: PublishReason, topic: string, options?: ErrorOptions) {
    super(`not published to ${topic}: ${reason}`, options);
    this.reason = reason;
    this.topic = topic;
    this.retryable = RETRYABLE[reason];
  }
}

/** What to do after a failed attempt. */
export type Remedy =
  /** The same producer may succeed: a leader moved, a broker is away. */
  | 'retry'
  /** The producer's metadata is wrong: look the topic up and create another producer. */
  | 'rebuild'
  /** The batch is too large: halve it. */
  | 'split'
  | 'refused';

/** Chooses the remedy by the broker's error code. */
export function remedyFor(error: unknown): Remedy {
  return REMEDIES[brokerErrorOf(error) ?? ''] ?? 'retry';
}

const REMEDIES: Readonly<Record<string, Remedy>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'rebuild',
  MESSAGE_TOO_LARGE: 'split',
  RECORD_LIST_TOO_LARGE: 'split',
  INVALID_TOPIC_EXCEPTION: 'refused',
  INVALID_RECORD: 'refused',
  INVALID_TIMESTAMP: 'refused',
  TOPIC_AUTHORIZATION_FAILED: 'refused',
  CLUSTER_AUTHORIZATION_FAILED: 'refused',
  SASL_AUTHENTICATION_FAILED: 'refused',
};
