import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerFacts, classify } from './classify.ts';

const ERRORS = {
  grant_dead: ['invalid_grant', 'bad_refresh_token'],
  app_fault: ['invalid_client'],
  transient: ['temporarily_unavailable'],
  throttled: ['ratelimited'],
};
const classified = (status: number, code: string | null = null, more: Partial<AnswerFacts> = {}) =>
  classify({ status, code, saysNotOk: false, retryAfterMs: null, ...more }, ERRORS);

describe('an answer means', () => {
  it.each([
    [400, 'invalid_grant', 'provider', 'grant_dead', 'refused_by_provider', 'invalid_grant'],
    [403, 'invalid_grant', 'provider', 'grant_dead', 'refused_by_provider', 'invalid_grant'],
    [200, 'bad_refresh_token', 'provider', 'grant_dead', 'refused_by_provider', 'bad_refresh_token'],
    [401, 'invalid_client', 'provider', 'application_fault', 'client_refused', 'invalid_client'],
    [400, 'invalid_scope', 'provider', 'application_fault', 'request_refused', 'invalid_scope'],
    [400, 'their own words', 'provider', 'application_fault', 'unknown_error', null],
    [400, 'their_own_word', 'provider', 'application_fault', 'unknown_error', 'their_own_word'],
    [200, 'their own words', 'provider', 'application_fault', 'unknown_error', null],
    [403, null, 'front', 'application_fault', 'unexplained_refusal', null],
    [404, null, 'front', 'application_fault', 'unexplained_refusal', null],
    [302, null, 'front', 'application_fault', 'redirected', null],
    [200, 'temporarily_unavailable', 'provider', 'transient', 'provider_error', 'temporarily_unavailable'],
    [503, 'temporarily_unavailable', 'provider', 'transient', 'provider_error', 'temporarily_unavailable'],
    [500, 'invalid_request', 'provider', 'transient', 'provider_error', 'invalid_request'],
    [503, 'server_error', 'front', 'transient', 'provider_error', 'server_error'],
    [500, null, 'front', 'transient', 'provider_error', null],
    [504, null, 'front', 'transient', 'provider_error', null],
    [408, null, 'front', 'transient', 'provider_error', null],
    [429, null, 'provider', 'throttled', 'rate_limited', null],
    [200, 'ratelimited', 'provider', 'throttled', 'rate_limited', 'ratelimited'],
  ])('status %i with code %s: sent by %s, says %s, %s', (status, code, answeredBy, says, reason, shown) => {
    expect(classified(status, code)).toMatchObject({ answeredBy, says, reason, status, code: shown });
  });

  it('a refusal by its own field, although its status is 200', () => {
    expect(classified(200, null, { saysNotOk: true })).toMatchObject({
      answeredBy: 'provider',
      says: 'application_fault',
      reason: 'unexplained_refusal',
    });
  });

  it('no refusal', () => {
    expect(classified(200)).toBeNull();
  });

  it('a wait of a minute where the provider throttles without Retry-After', () => {
    expect(classified(429)).toMatchObject({ retryAfterMs: 60_000 });
    expect(classified(429, null, { retryAfterMs: 5_000 })).toMatchObject({ retryAfterMs: 5_000 });
  });
});

const answers = fc.record({
  status: fc.integer({ min: 100, max: 599 }),
  code: fc.option(fc.oneof(fc.string(), fc.constantFrom(...Object.values(ERRORS).flat())), { nil: null }),
  saysNotOk: fc.boolean(),
  retryAfterMs: fc.option(fc.nat(), { nil: null }),
});

it('only a listed code makes a grant dead, and never with status 5xx', () => {
  fc.assert(
    fc.property(answers, (answer) => {
      if (classify(answer, ERRORS)?.says !== 'grant_dead') return true;
      return answer.status < 500 && answer.status !== 429 && ERRORS.grant_dead.includes(answer.code ?? '');
    }),
  );
});

it('no unlisted code is repeated', () => {
  fc.assert(
    fc.property(answers, fc.uuid(), (answer, canary) => {
      return !JSON.stringify(classify({ ...answer, code: canary }, ERRORS)).includes(canary);
    }),
  );
});
