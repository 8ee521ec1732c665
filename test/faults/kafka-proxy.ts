import { freePort, type RunningPart, startPart } from '@vault-engine/local';
import { type Onward, SWALLOWED, startTcpProxy, type Wire } from './tcp-proxy.ts';

/** A request to the broker. https://kafka.apache.org/protocol#protocol_messages */
export interface KafkaRequest {
  readonly api: 'Produce' | 'OffsetCommit' | 'other';
  readonly clientId: string;
  readonly version: number;
  /** Whether these bytes stand in it, e.g. the name of a topic. */
  readonly names: (text: string) => boolean;
}

/** It passes, or never arrives although the connection stays, or its connection ends instead. */
export type FateOfMessage = 'pass' | 'swallow' | 'cut';

/** A broker of the test's own behind a proxy. */
export interface ProxiedKafka {
  readonly part: RunningPart;
  /** What clients are given. */
  readonly address: string;
  /** Decides on each request, before the broker has it. */
  readonly onRequest: (fate: (request: KafkaRequest) => FateOfMessage) => void;
  /** Decides on the answer to each request: the broker has done what it says. */
  readonly onAnswer: (fate: (request: KafkaRequest) => FateOfMessage) => void;
  /**
   * From now on the answer to each produce request says of `topic` that too few replicas have the records, although the
   * broker has appended them; null: of no topic.
   */
  readonly failProduce: (topic: string | null) => void;
  /** Everything passes. */
  readonly behave: () => void;
  readonly stop: () => Promise<void>;
}

const PASS = (): FateOfMessage => 'pass';

/** Starts a broker that sends its clients to a proxy: its own address is told to nobody. */
export const startProxiedKafka = async (settings: Readonly<Record<string, string>> = {}): Promise<ProxiedKafka> => {
  const [port, proxyPort] = [await freePort(), await freePort()];
  const fates: Fates = { request: PASS, answer: PASS, sickTopic: null };
  const proxy = await startTcpProxy(port, () => kafkaWire(fates), proxyPort);
  const advertised = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` };
  const part = await startPart('kafka', { port, settings: { ...settings, ...advertised } });
  return {
    part,
    address: `127.0.0.1:${proxyPort}`,
    onRequest: (fate) => {
      fates.request = fate;
    },
    onAnswer: (fate) => {
      fates.answer = fate;
    },
    failProduce: (topic) => {
      fates.sickTopic = topic;
    },
    behave: () => {
      fates.request = PASS;
      fates.answer = PASS;
      fates.sickTopic = null;
    },
    stop: async () => {
      await proxy.close();
      await part.stop();
    },
  };
};

type FateOf = (request: KafkaRequest) => FateOfMessage;

interface Fates {
  request: FateOf;
  answer: FateOf;
  sickTopic: string | null;
}

const kafkaWire = (fates: Fates): Wire => {
  const asked = new Map<number, KafkaRequest>();
  return {
    request: inFrames((frame) => {
      const request = requestIn(frame);
      asked.set(frame.readInt32BE(8), request);
      return fates.request(request);
    }),
    answer: inFrames((frame) => {
      const correlation = frame.readInt32BE(4);
      const request = asked.get(correlation);
      asked.delete(correlation);
      if (request === undefined) return 'pass';
      if (request.api === 'Produce' && fates.sickTopic !== null) refuseTopic(frame, fates.sickTopic, request.version);
      return fates.answer(request);
    }),
  };
};

/** Size, API key, API version, correlation id, client id: the header of every request that kafkajs sends. */
const requestIn = (frame: Buffer): KafkaRequest => {
  const clientIdLength = Math.max(0, frame.readInt16BE(12));
  return {
    api: APIS.get(frame.readInt16BE(4)) ?? 'other',
    version: frame.readInt16BE(6),
    clientId: frame.toString('utf8', 14, 14 + clientIdLength),
    names: (text) => frame.includes(text),
  };
};

/** NOT_ENOUGH_REPLICAS_AFTER_APPEND */
const TOO_FEW_REPLICAS = 20;

/** Writes the error of each partition of `topic` into a produce response (versions 0 to 8: topics, then index, error code, offsets). */
const refuseTopic = (frame: Buffer, topic: string, version: number): void => {
  const name = Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 0xff]), Buffer.from(topic)]);
  const at = frame.indexOf(name);
  if (at === -1) return;
  const partitions = frame.readInt32BE(at + name.length);
  const bytesOfOne = 14 + (version >= 2 ? 8 : 0) + (version >= 5 ? 8 : 0);
  for (let number = 0; number < partitions; number += 1)
    frame.writeInt16BE(TOO_FEW_REPLICAS, at + name.length + 8 + number * bytesOfOne);
};

const APIS: ReadonlyMap<number, KafkaRequest['api']> = new Map([
  [0, 'Produce'],
  [8, 'OffsetCommit'],
]);

/** Puts together what TCP took apart, and judges frame by frame. */
const inFrames = (fateOf: (frame: Buffer) => FateOfMessage): ((bytes: Buffer) => Onward) => {
  let rest: Buffer = SWALLOWED;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const passed: Buffer[] = [];
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const frame = rest.subarray(0, 4 + rest.readInt32BE(0));
      rest = rest.subarray(frame.length);
      const fate = fateOf(frame);
      if (fate === 'cut') return 'cut';
      if (fate === 'pass') passed.push(frame);
    }
    return Buffer.concat(passed);
  };
};
