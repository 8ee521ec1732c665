import { PublishFailed } from '@vault-engine/bus';
import { VaultError } from '@vault-engine/client';
import { RegistryUnavailable, SchemaMissing } from '@vault-engine/contracts';
import { PortUnavailable } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { explainError } from './explain-error.ts';
import { CliFailure } from './failure.ts';

test.each([
  { error: new CliFailure('as it is', 2), line: 'as it is', exitCode: 2 },
  {
    error: new VaultError('not_connected', 'not connected', { requestId: 'id' }),
    line: 'not_connected: not connected (connect, request id)',
    exitCode: 1,
  },
  {
    error: new SchemaMissing(['vault.v1.GetToken']),
    line: 'not registered: vault.v1.GetToken; register them: npm run vault -- schemas apply',
    exitCode: 1,
  },
  {
    error: new PublishFailed('unknown_topic', 't'),
    line: 'a topic is missing; make it: npm run vault -- topics apply',
    exitCode: 1,
  },
  {
    error: new PublishFailed('timeout', 't'),
    line: 'not published to t: timeout; check that Kafka takes messages',
    exitCode: 1,
  },
  {
    error: new RegistryUnavailable('no answer'),
    line: 'no answer; check VAULT_REGISTRY_URL and that it runs',
    exitCode: 1,
  },
  {
    error: new PortUnavailable('keys', 'KMS Decrypt: X'),
    line: 'KMS Decrypt: X; check the key service and its credentials',
    exitCode: 1,
  },
])('$line', ({ error, line, exitCode }) => {
  expect(explainError(error)).toEqual({ line, exitCode });
});

test('the text of an error that is not ours is not repeated', () => {
  for (const error of [new TypeError('SECRET'), new Error('SECRET', { cause: new Error('SECRET') }), 'SECRET', null])
    expect(explainError(error).line).not.toContain('SECRET');
});
