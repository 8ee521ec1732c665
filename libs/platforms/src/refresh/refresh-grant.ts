import type { Secret } from '@vault-engine/crypto';
import type { FailedRefresh, RefreshOutcome } from '@vault-engine/vault';
import { errorCode, readBody, retryAfterMs, saysOk } from '../answer/read-answer.ts';
import type { StatedExpiry } from '../answer/read-expiry.ts';
import type { ClientCredentials } from '../client-credentials.ts';
import { endpointUrl } from '../endpoint-url.ts';
import type { Exchange, NotSentReason } from '../outbound/exchange.ts';
import { type PlatformProfile, refreshLifetimes } from '../profiles/platform-catalog.ts';
import { type ProviderDeps, requestRefresh } from '../provider-request.ts';
import { classify } from './classify.ts';
import { introspectExpiry } from './introspect.ts';
import { readCredentials, type TokenAnswer } from './read-credentials.ts';

/**
 * Spends a refresh token with one request, which is never repeated here: an answer may have been given and lost. Does not
 * reject for anything that a provider or a network does.
 *
 * @param params The connection's parameters. For some providers one of them names the region.
 */
export const refreshGrant = async (
  profile: PlatformProfile,
  client: ClientCredentials,
  refreshToken: Secret,
  deps: ProviderDeps,
  params: Readonly<Record<string, string>> = {},
): Promise<RefreshOutcome> => {
  const url = endpointUrl(profile, profile.refresh.url ?? profile.token.url, {
    fill: { client_id: client.id },
    params,
  });
  if (!url.ok) return unanswered('not_sent', 'application_fault', url.reason);
  // A lifetime counts from the moment it was granted, which is not earlier than this one.
  const askedAt = deps.now();
  const exchange = await requestRefresh({ profile, client }, url.value, refreshToken, deps);
  const answer = readAnswer(profile, exchange, { askedAt, now: deps.now() });
  switch (answer.kind) {
    case 'credentials': {
      const { expiry, notAfter, refreshExpiry, refreshNotAfter, ...refreshed } = answer.credentials;
      const introspected =
        expiry.kind !== 'at' && profile.access.none_means === 'introspect'
          ? await introspectExpiry({ profile, client }, refreshed.access, params, deps)
          : null;
      return {
        kind: 'renewed',
        ...refreshed,
        expiresAt: earliest(introspected ?? accessExpiry(profile, expiry, askedAt), notAfter),
        refreshExpiresAt: refreshTokenExpiry(profile, refreshExpiry, { askedAt, notAfter: refreshNotAfter }),
        ...(refreshExpiry.kind !== 'at' &&
          refreshExpiry.kind !== 'endless' &&
          profile.refresh_ttl.idle_d !== null && { endIsAssumed: true }),
      };
    }
    case 'refresh_token_only':
      return {
        kind: 'access_unusable',
        fault: answer.reason === 'access_token_missing' ? 'provider_unavailable' : 'provider_misconfigured',
        reason: answer.reason,
        refresh: answer.refresh,
        refreshExpiresAt: refreshTokenExpiry(profile, answer.refreshExpiry, { askedAt, notAfter: null }),
      };
    default:
      return answer;
  }
};

type Answer = FailedRefresh | Exclude<TokenAnswer, { kind: 'nothing' }>;

/** A failure without an answer, or with one that does not read. */
const unanswered = (
  answeredBy: 'not_sent' | 'none',
  says: 'application_fault' | 'transient',
  reason: string,
  status: number | null = null,
): FailedRefresh => ({ kind: 'failed', answeredBy, says, reason, status, code: null, retryAfterMs: null });

interface Times {
  /** Unix milliseconds: when the request was sent, and when its answer is read. */
  readonly askedAt: number;
  readonly now: number;
}

const readAnswer = (profile: PlatformProfile, exchange: Exchange, times: Times): Answer => {
  switch (exchange.kind) {
    case 'not_sent':
      return notSent(exchange.reason);
    case 'unanswered':
      return unanswered('none', 'transient', exchange.reason);
    case 'cut_short':
      return cutShort(profile, exchange, times.now);
    case 'answered':
      return wholeAnswer(profile, exchange, times);
  }
};

const wholeAnswer = (
  profile: PlatformProfile,
  answered: Extract<Exchange, { kind: 'answered' }>,
  { askedAt, now }: Times,
): Answer => {
  const { status, retryAfter } = answered;
  const { response } = profile;
  const body = readBody(answered, response);
  const object = body.ok ? body.value : null;
  const ok = saysOk(response, object);
  const isSuccess = status >= 200 && status < 300;
  const refusal = classify(
    {
      status,
      code: isSuccess && ok === true ? null : errorCode(profile, object, answered),
      saysNotOk: object !== null && namesSuccess(response) && ok !== true,
      retryAfterMs: retryAfterMs(retryAfter, now),
    },
    profile.errors,
  );
  if (refusal !== null) return refusal;
  // The provider accepted the request: whatever the answer lacks, the refresh token may be spent.
  if (!body.ok) return unanswered('none', 'transient', body.reason, status);
  const tokens = readCredentials(profile, body.value, askedAt);
  return tokens.kind === 'nothing' ? unanswered('none', 'transient', 'answer_incomplete', status) : tokens;
};

const namesSuccess = ({ ok, ok_path: okPath }: PlatformProfile['response']): boolean => ok !== null || okPath !== null;

/** A refusal without its body is not the provider's own word: the body had the code. A success without its body is no answer. */
const cutShort = (
  { errors }: PlatformProfile,
  { status, retryAfter, reason }: Extract<Exchange, { kind: 'cut_short' }>,
  now: number,
): Answer => {
  const facts = { status, code: null, saysNotOk: false, retryAfterMs: retryAfterMs(retryAfter, now) };
  const refusal = classify(facts, errors);
  if (refusal === null) return unanswered('none', 'transient', reason, status);
  return refusal.reason === 'unexplained_refusal' ? { ...refusal, says: 'transient', reason: 'answer_cut' } : refusal;
};

const notSent = (reason: NotSentReason): FailedRefresh => {
  switch (reason) {
    case 'host_not_allowed':
    case 'insecure_url':
    case 'address_refused':
      return unanswered('not_sent', 'application_fault', reason);
    case 'unresolvable':
    case 'unreachable':
    case 'tls_failed':
    case 'timeout':
    case 'cancelled':
      return unanswered('not_sent', 'transient', reason);
  }
};

/** A provider that states a time that can't be right has tokens that do expire: this is assumed of them, milliseconds. */
const UNCLEAR_MS = 3_600_000;

/** Unix milliseconds; null: never, or unknown. `0` means nothing for an access token. */
const accessExpiry = ({ access }: PlatformProfile, stated: StatedExpiry, askedAt: number): number | null => {
  if (stated.kind === 'at') return stated.at;
  if (access.default_ttl_s !== null) return askedAt + access.default_ttl_s * 1_000;
  return stated.kind === 'unclear' ? askedAt + UNCLEAR_MS : null;
};

/** From the answer, else from the profile's idle time, which restarts with each use. */
const refreshTokenExpiry = (
  profile: PlatformProfile,
  stated: StatedExpiry,
  { askedAt, notAfter }: { readonly askedAt: number; readonly notAfter: number | null },
): number | 'never' | null => {
  if (stated.kind === 'endless') return notAfter ?? 'never';
  const { idleMs } = refreshLifetimes(profile);
  const assumed = idleMs === null ? null : askedAt + idleMs;
  return earliest(stated.kind === 'at' ? stated.at : assumed, notAfter);
};

const earliest = (...times: readonly (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
};
