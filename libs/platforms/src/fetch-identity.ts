import type { Result, Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import { type RawAnswer, readBody, saysOk, textAt } from './answer/read-answer.ts';
import { endpointUrl } from './endpoint-url.ts';
import type { PlatformProfile } from './profiles/platform-catalog.ts';
import { type ProviderDeps, providerRequest } from './provider-request.ts';

/** Why an account could not be looked up. */
export type IdentityFailure = 'refused' | 'provider_error' | 'not_sent' | 'no_answer' | 'answer_unreadable';

/** Longer text is no account id. */
const MAX_CHARACTERS = 512;

/**
 * Looks up the upstream account of an access token: an id that is stable as long as the account exists, unique within one
 * platform; null where the profile has no identity URL.
 */
export const fetchIdentity = async (
  profile: PlatformProfile,
  accessToken: Secret,
  deps: ProviderDeps,
  params: Readonly<Record<string, string>> = {},
): Promise<Result<string | null, IdentityFailure>> => {
  const { identity } = profile;
  if (identity === null) return { ok: true, value: null };
  const url = endpointUrl(profile, identity.url, { fill: {}, params });
  if (!url.ok) return { ok: false, reason: 'not_sent' };
  const exchange = await deps.outbound.exchange({
    ...providerRequest(profile, deps, { authorization: `Bearer ${reveal(accessToken).toString()}` }),
    method: identity.method,
    url: url.value,
    body: null,
    reuse: true,
  });
  if (exchange.kind === 'not_sent') return { ok: false, reason: 'not_sent' };
  if (exchange.kind === 'unanswered') return { ok: false, reason: 'no_answer' };
  if (exchange.status >= 500 || exchange.status === 429) return { ok: false, reason: 'provider_error' };
  if (exchange.status !== 200) return { ok: false, reason: 'refused' };
  return exchange.kind === 'cut_short'
    ? { ok: false, reason: 'no_answer' }
    : accountIn(profile, identity.paths, exchange);
};

const accountIn = (
  { response }: PlatformProfile,
  paths: readonly string[],
  answer: RawAnswer,
): Result<string, IdentityFailure> => {
  const body = readBody(answer, response);
  if (!body.ok) return { ok: false, reason: 'answer_unreadable' };
  if (saysOk(response, body.value) === false) return { ok: false, reason: 'refused' };
  const parts = paths.map((path) => textAt(body.value, path));
  const account = parts.join(':');
  return parts.includes(null) || account.length > MAX_CHARACTERS
    ? { ok: false, reason: 'answer_unreadable' }
    : { ok: true, value: account };
};
