import Broker from 'kafkajs/src/broker/index.js';
import Produce from 'kafkajs/src/protocol/requests/produce/index.js';
import { describe, expect, it } from 'vitest';
import type { ProduceRequest } from './encode-produce.ts';
import { type ProduceAnswer, shareProduce } from './share-produce.ts';

shareProduce();

const NONE = 0;
const NOT_ENOUGH_REPLICAS = 19;

/** kafkajs's own answer to what a stub connection was sent: each partition with the error that `errors` has for it. */
const brokerWith = (errors: Readonly<Record<number, number>> = {}) => {
  const sent: (readonly number[])[] = [];
  const answer = ({ topicData }: ProduceRequest): ProduceAnswer => ({
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

const partitionsIn = ({ topics }: ProduceAnswer) =>
  topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));

describe('sends of one turn to one broker', () => {
  it('travel in one request, and each gets the answer of its own partition', async () => {
    const { broker, sent } = brokerWith();
    const answers = await Promise.all([4, 1, 7].map((partition) => broker.produce(to(partition))));
    expect(sent).toEqual([[4, 1, 7]]);
    expect(answers.map(partitionsIn)).toEqual([[4], [1], [7]]);
  });

  it('fail one by one: the error of a partition is nobody else’s', async () => {
    const { broker } = brokerWith({ 1: NOT_ENOUGH_REPLICAS });
    const [good, bad] = await Promise.allSettled([broker.produce(to(0)), broker.produce(to(1))]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { type: 'NOT_ENOUGH_REPLICAS' } });
  });

  it('get no answer for a partition that the broker says nothing of', async () => {
    const { broker } = brokerWith({ 1: -1 });
    const answers = await Promise.all([broker.produce(to(0)), broker.produce(to(1))]);
    expect(answers.map(partitionsIn)).toEqual([[0], []]);
  });

  it('are never one request where they go to the same partition', async () => {
    const { broker, sent } = brokerWith();
    await Promise.all([broker.produce(to(3)), broker.produce(to(3)), broker.produce(to(4))]);
    expect(sent).toEqual([[3], [3, 4]]);
  });

  it.each([
    ['acknowledgements', { acks: 1 }],
    ['a time limit', { timeout: 1 }],
    ['compression', { compression: 1 }],
    ['a transaction', { transactionalId: 'id' }],
  ])('go alone with %s of their own', async (_what, other) => {
    const { broker, sent } = brokerWith();
    await Promise.all([broker.produce(to(0)), broker.produce(to(1, other))]);
    expect(sent).toHaveLength(2);
  });

  it('all fail where the connection does', async () => {
    const { broker } = brokerWith();
    Object.assign(broker, { connectionPool: { send: () => Promise.reject(new Error('closed')) } });
    const outcomes = await Promise.allSettled([broker.produce(to(0)), broker.produce(to(1))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

it('brokers share nothing with each other', async () => {
  const [one, other] = [brokerWith(), brokerWith()];
  await Promise.all([one.broker.produce(to(0)), other.broker.produce(to(1))]);
  expect([one.sent, other.sent]).toEqual([[[0]], [[1]]]);
});
