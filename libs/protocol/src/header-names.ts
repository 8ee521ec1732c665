/**
 * The headers of commands and replies. The `kafka_` names are those of Spring's `ReplyingKafkaTemplate` and of NestJS's
 * Kafka transport, so that their request/reply clients carry our commands with a small signing wrapper.
 */
export const HEADER = {
  correlationId: 'kafka_correlationId',
  replyTopic: 'kafka_replyTopic',
  replyPartition: 'kafka_replyPartition',
  engineId: 'x-engine-id',
  engineKey: 'x-engine-key',
  commandType: 'x-command-type',
  timeoutMs: 'x-timeout-ms',
  idempotencyKey: 'x-idempotency-key',
  traceparent: 'traceparent',
  replyType: 'x-reply-type',
  vaultMac: 'x-vault-mac',
  /** Tells NestJS's client that the reply is complete, so that it closes the request. */
  nestIsDisposed: 'kafka_nest-is-disposed',
} as const;

/** Any header of ours. */
export type HeaderName = (typeof HEADER)[keyof typeof HEADER];

/** The headers of a message, each at most once. */
export type Headers = Readonly<Record<string, Buffer | undefined>>;
