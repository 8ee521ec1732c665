import type { BusRecord, Headers } from '../record.ts';

/**
 * The headers for a record in a dead-letter topic, named and encoded as in Spring Kafka, beside the record's own: its original
 * topic, partition and offset, the group, and the reason. Stack traces and exception texts are left out, since they may hold parts of the record.
 */
export function deadLetterHeaders(record: BusRecord, groupId: string, reason: string): Headers {
  return {
    ...record.headers,
    'kafka_dlt-original-topic': Buffer.from(record.topic),
    'kafka_dlt-original-partition': int32(record.partition),
    'kafka_dlt-original-offset': int64(record.offset),
    'kafka_dlt-original-timestamp': int64(BigInt(record.timestamp)),
    'kafka_dlt-original-consumer-group': Buffer.from(groupId),
    'kafka_dlt-exception-message': Buffer.from(reason),
  };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
