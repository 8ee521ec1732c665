import Produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { encodeProduce, type ProduceRequest } from './encode-produce.ts';

/** Versions whose requests have one form: it came with the headers of records, and changed with KIP-467 (version 8). */
const FIRST = 3;
const LAST = 7;

/** Marks the protocol as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/**
 * kafkajs 2.2.4 takes about 10 µs and a dozen buffers to write one record of a Produce request, which is a third of what
 * serving a request costs in all. This writes what the bus sends in one go, and leaves everything else to kafkajs.
 */
export function repairSlowProduce(): void {
  const protocol = Produce.protocol;
  if (repaired.has(protocol)) return;
  if (typeof protocol !== 'function' || !Produce.versions.includes(String(LAST)))
    throw new Error('kafkajs has changed: the Produce protocol is missing');
  Produce.protocol = ({ version }) => {
    const make = protocol({ version });
    return version < FIRST || version > LAST ? make : (asked) => quickened(make(asked), asked);
  };
  repaired.add(Produce.protocol);
}

type KafkaRequest = ReturnType<ReturnType<typeof Produce.protocol>>;

const quickened = ({ request, response }: KafkaRequest, asked: ProduceRequest): KafkaRequest => ({
  response,
  request: {
    ...request,
    encode: async () => {
      const body = encodeProduce(asked, Date.now());
      return body === null ? request.encode() : { buf: body, buffer: body };
    },
  },
});
