/** Why a message was not acknowledged. */
export type PublishReason =
  /** No answer within the time. The message may stand in the topic all the same. */
  | 'timeout'
  | 'unknown_topic'
  /** The topic has no such partition; nothing was written. */
  | 'no_such_partition'
  /** Larger than the topic takes. */
  | 'too_large'
  /** Too much waits already; nothing was written. */
  | 'queue_full'
  /** The broker does not let us: authorisation, or a record that it calls invalid. */
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

/** A message that was not acknowledged. Its text names topic and reason, never the message. */
export class PublishFailed extends Error {
  override readonly name = 'PublishFailed';
  readonly reason: PublishReason;
  readonly topic: string;
  /** Whether the same message may go through later. */
  readonly retryable: boolean;
  constructor(reason: PublishReason, topic: string, options?: ErrorOptions) {
    super(`not published to ${topic}: ${reason}`, options);
    this.reason = reason;
    this.topic = topic;
    this.retryable = RETRYABLE[reason];
  }
}

/** What to do about an attempt that failed. */
export type Remedy =
  /** The same producer may succeed: a leader moved, a broker went away. */
  | 'retry'
  /** The producer's picture of the topic is wrong: look the topic up and build another. */
  | 'rebuild'
  /** Too much at once: halve the batch. */
  | 'split'
  | 'refused';

/** Reads the remedy from what kafkajs threw; the broker's own error lies somewhere down the chain of causes. */
export function remedyFor(error: unknown): Remedy {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return REMEDIES[cause.type] ?? 'retry';
  }
  return 'retry';
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
