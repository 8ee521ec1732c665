import { COMMAND_NAMES } from '@vault-engine/contracts';
import { type PlatformId, refuse, type UserId } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { type ExecutionParts, execute } from './execute.ts';
import type { Command } from './read-command.ts';
import { inProgress, sampleEngine, statusRecord, USER } from './testing/command-samples.ts';
import { openPipeline } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync', [{ operations: COMMAND_NAMES, platforms: ['gmail'] }]);
const from = inProgress(sync, statusRecord(sync.keys.kafka));
const user = USER as UserId; // of the allowed characters
const platform = 'gmail' as PlatformId; // likewise
const call = (action: string, idempotencyKey = 'k') =>
  ({
    requestId: '6a0f8f2e-0000-4000-8000-000000000001',
    engine: 'sync',
    keyId: sync.keys.kafka.kid,
    action,
    idempotencyKey,
    dedupeKey: sync.engine.open.dedupe,
  }) as Parameters<typeof execute>[1]; // the engine's name is of the allowed characters
const start: Command = { type: 'StartConnection', user, platform, flowId: 'mine' };
const run = (parts: ExecutionParts, command: Command, of = from) => execute(parts, call(command.type), of, command);

describe('a mutating command', () => {
  it('is executed once: its repetition is answered from the dedupe record, also when it is late', async () => {
    const { parts } = openPipeline([sync]);
    const first = await run(parts, start);
    expect(first).toMatchObject({ ok: true, value: { type: 'ConnectionStarted', value: { flowId: 'mine' } } });
    const repeated = await run(parts, start, { ...from, late: true });
    expect(repeated).toMatchObject({ ok: true, audit: { reason: 'repeated' } });
    expect(repeated.ok && first.ok && repeated.value).toEqual(first.ok && first.value);
  });

  it('is refused when it is late and was not executed before, and leaves no dedupe record', async () => {
    const { parts } = openPipeline([sync]);
    expect(await run(parts, start, { ...from, late: true })).toMatchObject({ failure: { code: 'deadline_exceeded' } });
    expect(await run(parts, start)).toMatchObject({ ok: true });
  });

  it('is refused under the idempotency key of another command', async () => {
    const { parts } = openPipeline([sync]);
    await run(parts, start);
    expect(await run(parts, { ...start, flowId: 'another' })).toMatchObject({
      ok: false,
      failure: { code: 'duplicate_request' },
    });
  });

  it.each(['rate_limited', 'forbidden'] as const)(
    'that was refused as %s stays refused once a later command of its user took effect',
    async (code) => {
      const { parts } = openPipeline([sync]);
      const refused = inProgress(sync, statusRecord(sync.keys.kafka));
      parts.refusals.keep(refused, refuse(code, 'not now').failure);
      expect(await run(parts, start)).toMatchObject({ ok: true });
      expect(
        await execute(parts, call('StartConnection', 'another key'), refused, { ...start, flowId: 'older' }),
      ).toMatchObject({ ok: false, failure: { code, reason: 'repeated' } });
    },
  );
});

describe('a reading command', () => {
  it('GetStatus lists the granted platforms only', async () => {
    const { parts } = openPipeline([sync]);
    expect(await run(parts, { type: 'GetStatus', user, platform: null })).toMatchObject({
      ok: true,
      value: { type: 'StatusSnapshot', value: { revision: 0, platforms: [{ platform: 'gmail', status: 'MISSING' }] } },
    });
  });

  it('GetToken answers not_connected for a user without a connection', async () => {
    const { parts } = openPipeline([sync]);
    const command: Command = { type: 'GetToken', user, platform, minValiditySeconds: null, rejectedVersion: null };
    expect(await run(parts, command)).toMatchObject({ ok: false, failure: { code: 'not_connected' } });
  });
});
