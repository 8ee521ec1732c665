import { createHash } from 'node:crypto';
import { type BusRecord, deadLetterHeaders, type Headers, type Outgoing } from '@vault-engine/bus';
import { rateLimit } from './rate-limit.ts';

/** What a sample may hold of the headers that the sender chose. */
const MOST_HEADERS = 32;
const LONGEST_NAME = 64;
const LONGEST_VALUE = 256;
const MOST_HEADER_BYTES = 2_048;

/** What samples are made with. */
export interface SampleParts {
  /** The dead-letter topic. */
  readonly topic: string;
  readonly groupId: string;
  /** Samples a minute at most. */
  readonly perMinute: number;
  readonly now: () => number;
}

/**
 * Makes samples of records that are not authenticated: for a few of them a minute a record of the dead-letter topic with
 * bounded headers and the digest of the value, but no key and no value. So a sender without a key can neither fill that
 * topic nor have it keep what he sends. Returns null for all others: they are only counted.
 */
export const sampleUnauthenticated = ({
  topic,
  groupId,
  perMinute,
  now,
}: SampleParts): ((record: BusRecord, reason: string) => Outgoing | null) => {
  const takeToken = rateLimit();
  const rate = { perSecond: perMinute / 60, burst: perMinute };
  return (record, reason) =>
    takeToken('samples', rate, now()) > 0
      ? null
      : {
          topic,
          key: null,
          value: null,
          headers: {
            ...deadLetterHeaders({ ...record, headers: boundedHeaders(record.headers) }, groupId, reason),
            'x-vault-value-bytes': Buffer.from(String(record.value?.length ?? 0)),
            'x-vault-value-sha256': Buffer.from(
              createHash('sha256')
                .update(record.value ?? Buffer.alloc(0))
                .digest('hex'),
            ),
          },
        };
};

const boundedHeaders = (headers: Headers): Headers => {
  const bounded: Record<string, Buffer> = {};
  let left = MOST_HEADER_BYTES;
  for (const [name, value] of Object.entries(headers).slice(0, MOST_HEADERS)) {
    const kept = (value ?? Buffer.alloc(0)).subarray(0, LONGEST_VALUE);
    left -= name.length + kept.length;
    if (name.length > LONGEST_NAME || left < 0) continue;
    bounded[name] = kept;
  }
  return bounded;
};
