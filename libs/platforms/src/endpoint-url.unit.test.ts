import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { allowedHosts, endpointUrl } from './endpoint-url.ts';
import { testProfile } from './testing/profile-of-test.ts';

const hosts = { param: 'region', allowed: ['accounts.example.eu', 'accounts.example.com'] };
const profile = testProfile('https://accounts.example.com/token', {
  hosts,
  revoke: { url: 'https://accounts.example.com/{client_id}/{token}' },
  identity: { url: 'https://api.example.com/me', paths: ['id'] },
});
const at = (template: string, region: string | undefined, fill = {}) =>
  endpointUrl(profile, template, { fill, params: region === undefined ? {} : { region } });

it('a region replaces the token URL’s host, and no other host', () => {
  const eu = (template: string) => {
    const url = at(template, 'https://accounts.example.eu/');
    return url.ok ? url.value.href : url.reason;
  };
  expect(eu('https://accounts.example.com/token')).toBe('https://accounts.example.eu/token');
  expect(eu('https://api.example.com/me')).toBe('https://api.example.com/me');
  expect(at('https://accounts.example.com/t', undefined)).toMatchObject({ value: { host: 'accounts.example.com' } });
});

it('every URL goes to a host of the profile, whatever a connection’s parameters and values say', () => {
  const nasty = fc.oneof(
    fc.string(),
    fc.constantFrom(
      ...hosts.allowed.flatMap((host) => [host, `https://${host}`, `${host}.evil.example`, `${host}@evil.example`]),
    ),
  );
  fc.assert(
    fc.property(nasty, nasty, (region, token) => {
      const url = at('https://accounts.example.com/{client_id}/{token}', region, { client_id: token, token });
      if (!url.ok) return url.reason === 'host_not_allowed';
      return (
        allowedHosts(profile).has(url.value.host) &&
        url.value.protocol === 'https:' &&
        url.value.search === '' &&
        url.value.username === ''
      );
    }),
  );
});
