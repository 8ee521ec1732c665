import type { Result } from '@vault-engine/crypto';
import type { PlatformProfile } from './profiles/platform-catalog.ts';

/** The values that complete a URL of a profile. */
export interface UrlValues {
  /** Values of placeholders in braces: `client_id`, `token`. */
  readonly fill: Readonly<Record<string, string>>;
  /** The connection's parameters, one of which may choose the region. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The URL of `template` for one connection. A parameter chooses only among the hosts of the profile: it comes from outside,
 * and the host receives tokens.
 */
export const endpointUrl = (
  profile: PlatformProfile,
  template: string,
  { fill, params }: UrlValues,
): Result<URL, 'host_not_allowed'> => {
  const url = new URL(template.replace(/\{(\w+)\}/g, (_braces, name: string) => encodeURIComponent(fill[name] ?? '')));
  const { hosts, token } = profile;
  const wanted = hosts && params[hosts.param];
  if (!hosts || !wanted || url.host !== new URL(token.url).host) return { ok: true, value: url };
  const host = wanted.replace(/^https:\/\//, '').replace(/\/$/, '');
  if (!hosts.allowed.includes(host)) return { ok: false, reason: 'host_not_allowed' };
  url.host = host;
  return { ok: true, value: url };
};

/** All hosts that a request for `profile` may go to. */
export const allowedHosts = ({ token, refresh, revoke, introspection, identity, hosts }: PlatformProfile) =>
  new Set([
    ...[token, refresh, revoke, introspection, identity].flatMap((at) => (at?.url ? [new URL(at.url).host] : [])),
    ...(hosts?.allowed ?? []),
  ]);

/** The token URLs of `profile`, one per host. */
export const tokenUrls = ({ token, refresh, hosts }: PlatformProfile): readonly URL[] => {
  const regions = (hosts?.allowed ?? []).map((host) => Object.assign(new URL(token.url), { host }));
  const urls = [new URL(token.url), new URL(refresh.url ?? token.url), ...regions];
  return [...new Map(urls.map((url) => [url.host, url])).values()];
};
