import { describe, expect, it } from 'vitest';
import type { ProduceRequest } from './encode-produce.ts';
import { Broker, Produce } from './kafkajs.ts';
import { type ProduceResponse, patchProduce } from './patch-produce.ts';

patchProduce();

const NONE = 0;
const NOT_ENOUGH_REPLICAS = 19;

/** A broker with a stub connection. Its response has each partition with its error of `errors`; -1 leaves the partition out. */
const brokerWith = (errors: Readonly<Record<number, number>> = {}) => {
  const sent: (readonly number[])[] = [];
  const answer = ({ topicData }: ProduceRequest): ProduceResponse => ({
    topics: topicData.map(({ topic, partitions }) => ({
      topicName: topic,
      partitions: partitions
        .filter(({ partition }) => errors[partition] !== -1)
        .map(({ partition }) => ({ partition, errorCode: errors[partition] ?? NONE })),
    })),
  });
  const lookupRequest = () => (request: ProduceRequest) => ({
    ...Produce.protocol({ version: 7 })(request),
    asked: request,
  });
  const send = ({ asked, response }: ReturnType<ReturnType<typeof lookupRequest>>) => {
    sent.push(asked.topicData.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)));
    return response.parse(answer(asked));
  };
  const broker = Object.assign(Object.create(Broker.prototype) as Broker, { lookupRequest, connectionPool: { send } });
  return { broker, sent };
};

const to = (partition: number, other: Partial<ProduceRequest> = {}): ProduceRequest => ({
  acks: -1,
  timeout: 5_000,
  topicData: [{ topic: 't', partitions: [{ partition, messages: [] }] }],
  ...other,
});

const partitionsIn = ({ topics }: ProduceResponse) =>
  topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));

describe('sends of one event-loop turn to one broker', () => {
  it('share one request, and each gets the result of its own partition', async () => {
    const { broker, sent } = brokerWith();
    const answers = await Promise.all([4, 1, 7].map((partition) => broker.produce(to(partition))));
    expect(sent).toEqual([[4, 1, 7]]);
    expect(answers.map(partitionsIn)).toEqual([[4], [1], [7]]);
  });

  it('fail separately: a partition’s error affects no other send', async () => {
    const { broker } = brokerWith({ 1: NOT_ENOUGH_REPLICAS });
    const [good, bad] = await Promise.allSettled([broker.produce(to(0)), broker.produce(to(1))]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { type: 'NOT_ENOUGH_REPLICAS' } });
  });

  it('get an empty result for a partition that the response leaves out', async () => {
    const { broker } = brokerWith({ 1: -1 });
    const answers = await Promise.all([broker.produce(to(0)), broker.produce(to(1))]);
    expect(answers.map(partitionsIn)).toEqual([[0], []]);
  });

  it('share no request where they go to the same partition', async () => {
    const { broker, sent } = brokerWith();
    await Promise.all([broker.produce(to(3)), broker.produce(to(3)), broker.produce(to(4))]);
    expect(sent).toEqual([[3], [3, 4]]);
  });

  it.each([
    ['acknowledgements', { acks: 1 }],
    ['a time limit', { timeout: 1 }],
    ['compression', { compression: 1 }],
    ['a transaction', { transactionalId: 'id' }],
  ])('share no request where they differ in %s', async (_what, other) => {
    const { broker, sent } = brokerWith();
    await Promise.all([broker.produce(to(0)), broker.produce(to(1, other))]);
    expect(sent).toHaveLength(2);
  });

  it('all fail when the connection fails', async () => {
    const { broker } = brokerWith();
    Object.assign(broker, { connectionPool: { send: () => Promise.reject(new Error('closed')) } });
    const outcomes = await Promise.allSettled([broker.produce(to(0)), broker.produce(to(1))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

it('sends to different brokers share no request', async () => {
  const [one, other] = [brokerWith(), brokerWith()];
  await Promise.all([one.broker.produce(to(0)), other.broker.produce(to(1))]);
  expect([one.sent, other.sent]).toEqual([[[0]], [[1]]]);
});
