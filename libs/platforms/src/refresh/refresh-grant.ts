import type { Secret } from '@vault-engine/crypto';
import type { RefreshOutcome } from '@vault-engine/vault';
import type { ClientCredentials } from '../client-credentials.ts';
import { endpointUrl } from '../endpoint-url.ts';
import type { Exchange, NotSentReason } from '../outbound/exchange.ts';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';
import { type ProviderDeps, requestRefresh } from '../provider-request.ts';
import { at, errorCode, readJson, retryAfterMs } from '../read-answer.ts';
import { classify, type RefreshRefusal } from './classify.ts';
import { introspectExpiry } from './introspect.ts';
import { type ReadCredentials, readCredentials } from './read-credentials.ts';

/** The outcome of {@link refreshGrant}: the port's, with the code of a refusal. */
export type GrantOutcome = Extract<RefreshOutcome, { kind: 'renewed' | 'unknown_outcome' }> | RefreshRefusal;

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
): Promise<GrantOutcome> => {
  const url = endpointUrl(profile, profile.refresh.url ?? profile.token.url, {
    fill: { client_id: client.id },
    params,
  });
  if (!url.ok) return { kind: 'application_fault', reason: url.reason, code: null };
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

type Answer =
  | Exclude<GrantOutcome, { kind: 'renewed' }>
  | { readonly kind: 'credentials'; readonly credentials: ReadCredentials };

const readAnswer = (profile: PlatformProfile, exchange: Exchange, now: number): Answer => {
  switch (exchange.kind) {
    case 'not_sent':
      return notSent(exchange.reason);
    case 'unanswered':
      return { kind: 'unknown_outcome', reason: exchange.reason };
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
  if (json === null) return { kind: 'unknown_outcome', reason: 'answer_unreadable' };
  const credentials = readCredentials(profile, json);
  return credentials === null
    ? { kind: 'unknown_outcome', reason: 'answer_incomplete' }
    : { kind: 'credentials', credentials };
};

/** The status of a refusal counts without its body; a success without its body is no success. */
const cutShort = (
  { errors }: PlatformProfile,
  { status, retryAfter, reason }: Extract<Exchange, { kind: 'cut_short' }>,
  now: number,
): Answer => {
  const facts = { status, code: null, saysNotOk: false, retryAfterMs: retryAfterMs(retryAfter, now) };
  const refusal = classify(facts, errors);
  if (refusal === null) return { kind: 'unknown_outcome', reason };
  // The missing body had the reason, so this is not the application's fault.
  return refusal.kind === 'application_fault' && refusal.reason === 'unexplained_refusal'
    ? { kind: 'transient', reason: 'answer_cut', code: null, retryAfterMs: facts.retryAfterMs }
    : refusal;
};

const notSent = (reason: NotSentReason): RefreshRefusal => {
  switch (reason) {
    case 'host_not_allowed':
    case 'insecure_url':
    case 'address_refused':
      return { kind: 'application_fault', reason, code: null };
    case 'unresolvable':
    case 'unreachable':
    case 'tls_failed':
    case 'timeout':
    case 'cancelled':
      return { kind: 'transient', reason, code: null, retryAfterMs: null };
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
