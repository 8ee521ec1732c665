import { expect, it } from 'vitest';
import { kafkajsLog } from './log.ts';

function openLog() {
  const lines: unknown[] = [];
  let time = 0;
  const say = kafkajsLog(
    (level, message, fields) => lines.push([level, message, fields]),
    () => time,
  );
  return {
    lines,
    say: (message: string, fields: object = {}) =>
      say({
        namespace: 'Part',
        level: 1,
        label: 'ERROR',
        log: { timestamp: '', logger: 'kafkajs', message, ...fields },
      }),
    wait: (ms: number) => {
      time += ms;
    },
  };
}

it('forwards no field of kafkajs that could hold a part of a message', () => {
  const { lines, say } = openLog();
  say('text', {
    topic: 't',
    error: new Error('why'),
    payload: Buffer.from('secret'),
    messages: ['secret'],
    stack: 'at',
  });
  expect(lines).toEqual([['warn', 'text', { part: 'kafkajs Part', leftOut: 0, topic: 't', error: 'why' }]]);
});

it('forwards a text once in five seconds, with the number of lines left out', () => {
  const { lines, say, wait } = openLog();
  for (let count = 0; count < 4; count += 1) say('again');
  say('other');
  wait(5_000);
  say('again');
  expect(lines).toMatchObject([
    ['warn', 'again', { leftOut: 0 }],
    ['warn', 'other', { leftOut: 0 }],
    ['warn', 'again', { leftOut: 3 }],
  ]);
});
