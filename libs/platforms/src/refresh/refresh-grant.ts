import type { Secret } from '@vault-engine/crypto';
import type { ClientCredentials } from '../client-credentials.ts';
import { endpointUrl } from '../endpoint-url.ts';
import { errorCode } from '../error-code.ts';
import type { Exchange, NotSentReason } from '../outbound/exchange.ts';
import type { PlatformProfile } from '../platform-catalog.ts';
import { type ProviderDeps, requestRefresh } from '../provider-request.ts';
import { at, readJson } from '../read-json.ts';
import { retryAfterMs } from '../retry-after.ts';
import { classify } from './classify.ts';
import { introspectExpiry } from './introspect-expiry.ts';
import type { RefreshOutcome, RefreshRefusal } from './outcome.ts';
import { type ReadCredentials, readCredentials } from './read-credentials.ts';

/**
 * Spends a refresh token: one request, never repeated here, as the answer may have been given and lost. Does not reject for
 * anything that a provider or a network does.
 *
 * @param params The connection's parameters: with some providers one of them names the region.
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
  if (!url.ok) return { kind: 'application_fault', reason: url.reason, code: null };
  // A lifetime counts from when it was granted, which is not before this.
  const askedAt = deps.now();
  const exchange = await requestRefresh({ profile, client }, url.value, refreshToken, deps);
  const answer = await readAnswer(profile, exchange, deps.now());
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
  | Exclude<RefreshOutcome, { kind: 'renewed' }>
  | { readonly kind: 'credentials'; readonly credentials: ReadCredentials };

const readAnswer = async (profile: PlatformProfile, exchange: Exchange, now: number): Promise<Answer> => {
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

const wholeAnswer = async (
  profile: PlatformProfile,
  { status, retryAfter, body }: Extract<Exchange, { kind: 'answered' }>,
  now: number,
): Promise<Answer> => {
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
  // From here on the provider has said yes: whatever is missing, the refresh token may be spent.
  if (json === null) return { kind: 'unknown_outcome', reason: 'answer_unreadable' };
  const credentials = await readCredentials(profile, json);
  return credentials === null
    ? { kind: 'unknown_outcome', reason: 'answer_incomplete' }
    : { kind: 'credentials', credentials };
};

/** A status that says no is believed without its body; one that says yes is worth nothing without it. */
const cutShort = (
  { errors }: PlatformProfile,
  { status, retryAfter, reason }: Extract<Exchange, { kind: 'cut_short' }>,
  now: number,
): Answer => {
  const facts = { status, code: null, saysNotOk: false, retryAfterMs: retryAfterMs(retryAfter, now) };
  const refusal = classify(facts, errors);
  if (refusal === null) return { kind: 'unknown_outcome', reason };
  // The reason stood in the body: that nobody read it is no fault of ours.
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

/** By the answer, else by the profile's idle time, which each use begins anew. */
const refreshExpiryOf = (
  { refresh_ttl: { idle_d: idleDays } }: PlatformProfile,
  askedAt: number,
  expiresIn: number | null,
): number | null => {
  if (expiresIn !== null) return askedAt + Math.floor(expiresIn * 1_000);
  return idleDays === null ? null : askedAt + idleDays * DAY_MS;
};
