import Fetch from 'kafkajs/src/protocol/requests/fetch/index.js';
import { decodeFetch } from './decode-fetch.ts';

/** The newest that kafkajs knows; every broker since Kafka 2.3 speaks it. */
const VERSION = 11;

/** Marks the protocol as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/** kafkajs 2.2.4 takes longer to read a record than to write one. This reads answers in one go, and leaves what is unusual to kafkajs. */
export function repairSlowFetch(): void {
  const { protocol } = Fetch;
  if (repaired.has(protocol)) return;
  if (typeof protocol !== 'function' || !Fetch.versions.includes(String(VERSION)))
    throw new Error('kafkajs has changed: the Fetch protocol is missing');
  Fetch.protocol = ({ version }) => {
    const make = protocol({ version });
    return version === VERSION ? (asked) => quickened(make(asked)) : make;
  };
  repaired.add(Fetch.protocol);
}

type KafkaRequest = ReturnType<ReturnType<typeof Fetch.protocol>>;

const quickened = (created: KafkaRequest): KafkaRequest => ({
  ...created,
  response: { ...created.response, decode: async (bytes) => decodeFetch(bytes) ?? created.response.decode(bytes) },
});
