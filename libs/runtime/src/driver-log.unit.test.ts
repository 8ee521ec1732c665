import { expect, it } from 'vitest';
import { driverLog } from './driver-log.ts';
import { createLog } from './log.ts';

it('renames the fields of a driver to log fields, and leaves out the others', () => {
  const lines: string[] = [];
  const log = createLog({ service: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } });
  const fields = { broker: 'b:1', groupId: 'g', retryCount: 2, error: 'not the leader', topic: 't', value: 'canary' };
  driverLog(log)('warn', 'tried again', fields);
  const { time: _, ...line } = JSON.parse(lines[0] ?? '');
  expect(line).toEqual({
    level: 'warn',
    service: 'test',
    message: 'tried again',
    address: 'b:1',
    group: 'g',
    attempt: 2,
    reason: 'not the leader',
    topic: 't',
  });
});
