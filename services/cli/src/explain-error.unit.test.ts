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
    line: 'not registered: vault.v1.GetToken; register the schemas with npm run vault -- schemas apply',
    exitCode: 1,
  },
  {
    error: new PublishFailed('unknown_topic', 't'),
    line: 'a topic is missing; create it with npm run vault -- topics apply',
    exitCode: 1,
  },
  {
    error: new PublishFailed('timeout', 't'),
    line: 'not published to t: timeout; check that Kafka accepts writes',
    exitCode: 1,
  },
  {
    error: new RegistryUnavailable('no answer'),
    line: 'no answer; check VAULT_REGISTRY_URL and that the registry is running',
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

test('the message of a foreign error is not repeated', () => {
  for (const error of [new TypeError('SECRET'), new Error('SECRET', { cause: new Error('SECRET') }), 'SECRET', null])
    expect(explainError(error).line).not.toContain('SECRET');
});
