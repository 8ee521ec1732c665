import { PublishFailed, type PublishReason } from '@vault-engine/bus';
import { expect, test } from 'vitest';
import { failedToSend } from './vault-error.ts';

const unsent = { requestId: 'an id', operation: { command: 'StoreToken' } };

test.each<[PublishReason, object]>([
  ['timeout', { name: 'VaultTimeout', code: 'deadline_exceeded', retryable: true }],
  ['closed', { name: 'VaultClosed' }],
  ['too_large', { code: 'invalid_request', retryable: false }],
  ['queue_full', { code: 'rate_limited', retryable: true }],
  ['unknown_topic', { code: 'internal', suggestedAction: 'contact_operator' }],
  ['refused', { code: 'internal', suggestedAction: 'contact_operator' }],
])('an unacknowledged command (%s) gives an error with the suggested action', (reason, expected) => {
  const error = failedToSend(new PublishFailed(reason, 'vault.commands'), unsent);
  expect(error).toMatchObject(expected);
  if (reason !== 'closed') expect(error).toMatchObject({ requestId: 'an id' });
});
