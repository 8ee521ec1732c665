import type { Secret } from '@vault-engine/crypto';
import type { FailedRefresh, RefreshOutcome } from '@vault-engine/vault';
import type { ClientCredentials } from '../client-credentials.ts';
import { endpointUrl } from '../endpoint-url.ts';
import type { Exchange, NotSentReason } from '../outbound/exchange.ts';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';
import { type ProviderDeps, requestRefresh } from '../provider-request.ts';
import { at, errorCode, readJson, retryAfterMs } from '../read-answer.ts';
import { classify } from './classify.ts';
import { introspectExpiry } from './introspect.ts';
import { type ReadCredentials, readCredentials } from './read-credentials.ts';

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
  const answer = readAnswer(profile, exchange, deps.now());
  if (answer.kind !== 'credentials') return answer;
  const { expiresIn, refreshExpiresIn, ...refreshed } = answer.credentials;
  const introspected =
    expiresIn === null && profile.access.none_means === 'introspect'
      ? await introspectExpiry({ profile, client }, refreshed.access, params, deps)
      : null;
  return {
    kind: 'renewed',
    ...refreshed,
    expiresAt: introspected ?? expiryOf(profile, askedAt, expiresIn),
    refreshExpiresAt: refreshExpiryOf(profile, askedAt, refreshExpiresIn),
  };
};

/** A failure without an answer, or with one that does not read. */
const unanswered = (
  answeredBy: 'not_sent' | 'none',
  says: 'application_fault' | 'transient',
  reason: string,
  status: number | null = null,
): FailedRefresh => ({ kind: 'failed', answeredBy, says, reason, status, code: null, retryAfterMs: null });

type Answer = FailedRefresh | { readonly kind: 'credentials'; readonly credentials: ReadCredentials };

const readAnswer = (profile: PlatformProfile, exchange: Exchange, now: number): Answer => {
  switch (exchange.kind) {
    case 'not_sent':
      return notSent(exchange.reason);
    case 'unanswered':
      return unanswered('none', 'transient', exchange.reason);
    case 'cut_short':
      return cutShort(profile, exchange, now);
    case 'answered':
      return wholeAnswer(profile, exchange, now);
  }
};

const wholeAnswer = (
  profile: PlatformProfile,
  { status, retryAfter, body }: Extract<Exchange, { kind: 'answered' }>,
  now: number,
): Answer => {
  const json = readJson(body);
  const { ok_path: okPath } = profile.response;
  const refusal = classify(
    {
      status,
      code: errorCode(profile, json),
      saysNotOk: okPath !== null && json !== null && at(json, okPath) !== true,
      retryAfterMs: retryAfterMs(retryAfter, now),
    },
    profile.errors,
  );
  if (refusal !== null) return refusal;
  // The provider accepted the request: whatever the answer lacks, the refresh token may be spent.
  if (json === null) return unanswered('none', 'transient', 'answer_unreadable', status);
  const credentials = readCredentials(profile, json);
  return credentials === null
    ? unanswered('none', 'transient', 'answer_incomplete', status)
    : { kind: 'credentials', credentials };
};

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

const expiryOf = ({ access }: PlatformProfile, askedAt: number, expiresIn: number | null): number | null => {
  const seconds = expiresIn ?? access.default_ttl_s;
  return seconds === null ? null : askedAt + Math.floor(seconds * 1_000);
};

const DAY_MS = 86_400_000;

/** From the answer, else from the profile's idle time, which restarts with each use. */
const refreshExpiryOf = (
  { refresh_ttl: { idle_d: idleDays } }: PlatformProfile,
  askedAt: number,
  expiresIn: number | null,
): number | null => {
  if (expiresIn !== null) return askedAt + Math.floor(expiresIn * 1_000);
  return idleDays === null ? null : askedAt + idleDays * DAY_MS;
};
