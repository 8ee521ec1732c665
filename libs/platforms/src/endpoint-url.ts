import type { Result } from '@vault-engine/crypto';
import type { PlatformProfile } from './platform-catalog.ts';

/** What fills a URL of a profile. */
export interface UrlValues {
  /** What stands in braces: `client_id`, `token`. */
  readonly fill: Readonly<Record<string, string>>;
  /** The connection's parameters: one of them may choose the region. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The URL that `template` of `profile` means for one connection. A parameter chooses among the profile's hosts alone: it
 * came from outside, and the answer decides who receives tokens.
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

/** Every host that a request for `profile` may go to. */
export const allowedHosts = ({ token, refresh, revoke, introspection, identity, hosts }: PlatformProfile) =>
  new Set([
    ...[token, refresh, revoke, introspection, identity].flatMap((at) => (at?.url ? [new URL(at.url).host] : [])),
    ...(hosts?.allowed ?? []),
  ]);

/** The URLs that tokens are asked for at, one for each host. */
export const tokenUrls = ({ token, refresh, hosts }: PlatformProfile): readonly URL[] => {
  const regions = (hosts?.allowed ?? []).map((host) => Object.assign(new URL(token.url), { host }));
  const urls = [new URL(token.url), new URL(refresh.url ?? token.url), ...regions];
  return [...new Map(urls.map((url) => [url.host, url])).values()];
};
