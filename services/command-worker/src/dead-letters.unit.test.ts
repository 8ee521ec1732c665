import type { Outgoing } from '@vault-engine/bus';
import { silentLog } from '@vault-engine/runtime';
import { PortUnavailable } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { moveToDeadLetterTopic } from './dead-letters.ts';
import { NOW, sampleEngine, statusRecord } from './testing/command-samples.ts';
import { openPipeline, type PipelineChanges } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');

const open = (changes: PipelineChanges = {}) => {
  const pipeline = openPipeline([sync], changes);
  const buried: Outgoing[] = [];
  const failures: Error[] = [];
  const deadLetters = {
    send: async (message: Outgoing) => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      buried.push(message);
      return { partition: 0, offset: 0n };
    },
  };
  const move = moveToDeadLetterTopic(
    {
      topic: 'vault.commands.dlt',
      groupId: 'a group',
      deadLetters,
      log: silentLog,
      batchesPerMinute: 2,
      now: () => NOW,
    },
    pipeline.parts,
  );
  return { ...pipeline, buried, failures, move };
};

test('a command whose handling failed is audited and answered once, then moved, also when the move has to be repeated', async () => {
  const { move, buried, failures, audited, sent } = open();
  const record = statusRecord(sync.keys.kafka);
  failures.push(new Error('no answer'));
  await expect(move(record, 'handler_failed')).rejects.toThrow('no answer');
  await move(record, 'handler_failed');
  expect(audited).toMatchObject([{ result: 'internal', reason: 'handler_failed' }]);
  expect(sent).toHaveLength(1);
  expect(buried).toMatchObject([{ topic: 'vault.commands.dlt', value: record.value }]);
});

test('a failed command is not moved before the audit log has it', async () => {
  let available = false;
  const { move, buried } = open({
    journal: {
      record: async () => {
        if (!available) throw new PortUnavailable('audit', 'no answer');
      },
    },
  });
  const record = statusRecord(sync.keys.kafka);
  await expect(move(record, 'handler_failed')).rejects.toBeInstanceOf(PortUnavailable);
  expect(buried).toEqual([]);
  available = true;
  await move(record, 'handler_failed');
  expect(buried).toHaveLength(1);
});

test('a command that was answered already is only moved', async () => {
  const { move, buried, audited, sent } = open();
  await move(statusRecord(sync.keys.kafka), 'undecodable');
  expect([audited, sent]).toEqual([[], []]);
  expect(buried).toHaveLength(1);
});

test('a few undecodable batches a minute are kept whole, all others are counted', async () => {
  const { move, buried, attempts, unauthenticated } = open();
  const batch = { ...statusRecord(sync.keys.kafka), key: null, headers: {} };
  for (let number = 0; number < 5; number += 1) await move(batch, 'undecodable_batch:snappy');
  expect(buried).toHaveLength(2);
  expect(attempts).toHaveLength(3);
  expect(unauthenticated.map(({ counted, reason }) => [counted, reason])).toEqual(
    Array.from({ length: 3 }, () => ['malformed', 'undecodable_batch:snappy']),
  );
});
