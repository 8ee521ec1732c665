import Broker from 'kafkajs/src/broker/index.js';
import Produce from 'kafkajs/src/protocol/requests/produce/index.js';
import type { ProduceRequest } from './encode-produce.ts';

/** What a broker says to a Produce request, as kafkajs decodes it. */
export interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

type Parse = (answer: ProduceAnswer) => Promise<ProduceAnswer>;

interface Asker {
  readonly request: ProduceRequest;
  readonly done: PromiseWithResolvers<ProduceAnswer>;
}

/** The topics of requests that several share. */
const shared = new WeakSet<object>();
/** Of the answers to those, what looks for errors: it throws at the first, whosever it is, so they are taken apart before. */
const parsers = new WeakMap<ProduceAnswer, Parse>();
const gathered = new WeakMap<Broker, Asker[]>();
const { produce } = Broker.prototype;

/**
 * Lets the sends that one turn of the event loop brings for partitions of the same broker travel in one Produce request, as
 * Java's producer does. A broker works a connection's requests off one after the other, and kafkajs takes 0.1 ms for each:
 * so a send for each partition would cost a caller with 64 requests in flight a quarter of its time. Each send stays one
 * for a single partition: it gets the answer of its partition alone, error or offset.
 */
export function shareProduce(): void {
  if (Broker.prototype.produce !== produce) return;
  const { protocol } = Produce;
  if (typeof produce !== 'function' || typeof protocol !== 'function')
    throw new Error('kafkajs has changed: Broker.produce is missing');
  Produce.protocol = ({ version }) => {
    const make = protocol({ version });
    return (asked) => (shared.has(asked.topicData) ? unparsed(make(asked)) : make(asked));
  };
  Broker.prototype.produce = function gather(request) {
    return isPlain(request) ? join(this, request) : produce.call(this, request);
  };
}

type KafkaRequest = ReturnType<ReturnType<typeof Produce.protocol>>;

const unparsed = ({ request, response }: KafkaRequest): KafkaRequest => ({
  request,
  response: {
    ...response,
    parse: async (answer) => {
      parsers.set(answer, response.parse);
      return answer;
    },
  },
});

/** Neither a transaction nor a compressed batch: what the bus sends. */
const isPlain = ({ transactionalId, compression }: ProduceRequest): boolean => transactionalId == null && !compression;

/** All that comes until the turn's promises are settled goes together. */
const join = (broker: Broker, request: ProduceRequest): Promise<ProduceAnswer> => {
  const done = Promise.withResolvers<ProduceAnswer>();
  const group = gathered.get(broker);
  if (group?.every((other) => mayShare(other.request, request))) group.push({ request, done });
  else process.nextTick(send, broker, begin(broker, { request, done }));
  return done.promise;
};

const begin = (broker: Broker, first: Asker): Asker[] => {
  const group = [first];
  gathered.set(broker, group);
  return group;
};

/** Requests under the same terms, about different partitions: what is sent twice to one partition is never one request. */
const mayShare = (one: ProduceRequest, other: ProduceRequest): boolean =>
  one.acks === other.acks &&
  one.timeout === other.timeout &&
  !one.topicData.some((topic) => other.topicData.some((also) => overlap(topic, also)));

type TopicData = ProduceRequest['topicData'][number];

const overlap = (one: TopicData, other: TopicData): boolean =>
  one.topic === other.topic &&
  one.partitions.some(({ partition }) => other.partitions.some((also) => also.partition === partition));

const send = async (broker: Broker, group: readonly Asker[]): Promise<void> => {
  if (gathered.get(broker) === group) gathered.delete(broker);
  const [first, ...others] = group;
  if (first === undefined) return;
  if (others.length === 0) return first.done.resolve(produce.call(broker, first.request));
  const topicData = mergeTopics(group.map(({ request }) => request));
  shared.add(topicData);
  try {
    const answer = await produce.call(broker, { ...first.request, topicData });
    const parse = parsers.get(answer) ?? refuseUnknown;
    for (const { request, done } of group) done.resolve(parse(partOf(answer, request)));
  } catch (error) {
    for (const { done } of group) done.reject(error);
  }
};

const refuseUnknown: Parse = async () => {
  throw new Error('kafkajs has changed: the answer of a shared request came another way');
};

const mergeTopics = (requests: readonly ProduceRequest[]): ProduceRequest['topicData'] =>
  [
    ...Map.groupBy(
      requests.flatMap(({ topicData }) => topicData),
      ({ topic }) => topic,
    ),
  ].map(([topic, parts]) => ({
    topic,
    partitions: parts.flatMap(({ partitions }) => partitions),
  }));

/** What an answer says about the partitions that `request` wrote to. */
const partOf = (answer: ProduceAnswer, { topicData }: ProduceRequest): ProduceAnswer => ({
  ...answer,
  topics: answer.topics.flatMap((topic) => {
    const wanted = topicData.find((one) => one.topic === topic.topicName)?.partitions ?? [];
    const partitions = topic.partitions.filter(({ partition }) => wanted.some((one) => one.partition === partition));
    return partitions.length === 0 ? [] : [{ ...topic, partitions }];
  }),
});
