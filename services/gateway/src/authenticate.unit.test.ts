import { mintCredential, revealCredential } from '@vault-engine/protocol';
import { expect, test } from 'vitest';
import { authenticate } from './authenticate.ts';
import { tableOfOne } from './testing/engine-table.ts';

const { table, credentials } = tableOfOne();
const textOf = (stage: keyof typeof credentials) => revealCredential(credentials[stage]);

test('an active key for HTTP gives the keys of its engine', () => {
  const proven = authenticate(table, 'action', textOf('active'));
  expect(proven).toMatchObject({ ok: true, value: { engine: 'action', kid: credentials.active.kid } });
});

const otherSecret = revealCredential({ ...mintCredential(), kid: credentials.active.kid });

test.each([
  ['no_credential', 'an engine without a key', 'action', undefined],
  ['no_credential', 'a key without an engine', undefined, textOf('active')],
  ['malformed_credential', 'a text that is not a credential', 'action', 'secret'],
  ['malformed_credential', 'a header that is sent twice', 'action', `${textOf('active')}, ${textOf('active')}`],
  ['unknown_engine', 'an engine that does not exist', 'nobody', textOf('active')],
  ['unknown_engine', 'a name that every object has', '__proto__', textOf('active')],
  ['unknown_key', 'a key that does not exist', 'action', revealCredential(mintCredential())],
  ['wrong_key', 'a known key id with another secret', 'action', otherSecret],
  ['key_not_for_http', 'a key for Kafka', 'action', textOf('kafka')],
  ['key_not_usable', 'a key that is not active yet', 'action', textOf('pending')],
  ['key_not_usable', 'a revoked key', 'action', textOf('revoked')],
])('%s: %s', (reason, _, engine, key) => {
  expect(authenticate(table, engine, key)).toEqual({ ok: false, reason });
});
