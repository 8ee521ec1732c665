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
    [400, 'invalid_grant', 'grant_dead', 'refused_by_provider', 'invalid_grant'],
    [403, 'invalid_grant', 'grant_dead', 'refused_by_provider', 'invalid_grant'],
    [200, 'bad_refresh_token', 'grant_dead', 'refused_by_provider', 'bad_refresh_token'],
    [401, 'invalid_client', 'application_fault', 'client_refused', 'invalid_client'],
    [400, 'invalid_scope', 'application_fault', 'request_refused', 'invalid_scope'],
    [400, 'their own words', 'application_fault', 'unknown_error', null],
    [200, 'their own words', 'application_fault', 'unknown_error', null],
    [403, null, 'application_fault', 'unexplained_refusal', null],
    [302, null, 'application_fault', 'redirected', null],
    [200, 'temporarily_unavailable', 'transient', 'provider_error', 'temporarily_unavailable'],
    [500, null, 'transient', 'provider_error', null],
    [408, null, 'transient', 'provider_error', null],
    [429, null, 'throttled', 'rate_limited', null],
    [200, 'ratelimited', 'throttled', 'rate_limited', 'ratelimited'],
  ])('with status %i and code %s: %s, %s', (status, code, kind, reason, listed) => {
    expect(classified(status, code)).toMatchObject({ kind, reason, code: listed });
  });

  it('a refusal where another field says so, though its status is 200', () => {
    expect(classified(200, null, { saysNotOk: true })).toMatchObject({
      kind: 'application_fault',
      reason: 'unexplained_refusal',
    });
  });

  it('no refusal where it is a success', () => {
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
      if (classify(answer, ERRORS)?.kind !== 'grant_dead') return true;
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
