import { expect, it } from 'vitest';
import { deadLetterHeaders } from './dead-letter.ts';

it('names the original position as Spring Kafka does, and keeps the record’s own headers', () => {
  const headers = deadLetterHeaders(
    {
      topic: 'commands',
      partition: 3,
      offset: 258n,
      timestamp: 1_700_000_000_000,
      key: null,
      value: null,
      headers: { own: Buffer.from('1') },
    },
    'workers',
    'bad_magic',
  );
  expect(headers).toEqual({
    own: Buffer.from('1'),
    'kafka_dlt-original-topic': Buffer.from('commands'),
    'kafka_dlt-original-partition': Buffer.from([0, 0, 0, 3]),
    'kafka_dlt-original-offset': Buffer.from([0, 0, 0, 0, 0, 0, 1, 2]),
    'kafka_dlt-original-timestamp': Buffer.from('0000018bcfe56800', 'hex'),
    'kafka_dlt-original-consumer-group': Buffer.from('workers'),
    'kafka_dlt-exception-message': Buffer.from('bad_magic'),
  });
});
