import { expect, test } from 'vitest';
import { errorLabel } from './describe-error.ts';

test.each([
  [Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }), 'Error ECONNREFUSED'],
  [
    Object.assign(new Error('canary'), { name: 'PortUnavailable', reason: 'key_disabled' }),
    'PortUnavailable key_disabled',
  ],
  [Object.assign(new Error('canary'), { name: 'PortUnavailable', reason: null }), 'PortUnavailable'],
  [Object.assign(new Error('canary', { cause: Object.assign(new Error(), { code: 'EPIPE' }) })), 'Error EPIPE'],
  [Object.assign(new Error('canary'), { reason: 'canary' }), 'Error'],
])('the label of an error has its code or a reason of our own, and no message (%#)', (error, label) => {
  expect(errorLabel(error)).toBe(label);
});
