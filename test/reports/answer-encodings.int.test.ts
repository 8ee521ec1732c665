import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { misbehave, openHttpServer } from '@vault-engine/authorization-server';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type Tokens } from '../refresh/connect.ts';
import { openProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';
import { openRefreshes, type Refreshes } from '../refresh/open-refreshes.ts';
import type { Kind } from '../refresh/profiles.ts';

// Providers and the proxies in front of them compress unasked, prepend a byte order mark, or answer with a form.
// modelcontextprotocol/typescript-sdk#2408, DollhouseMCP/mcp-server#2520, onyx-dot-app/onyx#13330.

type Behaviour = ReturnType<typeof misbehave.refresh>;

let opened: { close: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const it of opened.toReversed()) await it.close();
  opened = [];
});
const keep = <T extends { close: () => Promise<unknown> }>(it: T): T => {
  opened.push(it);
  return it;
};

const withBom = (json: Buffer): Buffer => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json]);

const READABLE: Readonly<Record<string, Behaviour>> = {
  'gzip with its header': misbehave.encoded(gzipSync, { 'content-encoding': 'gzip' }),
  'gzip without a header': misbehave.encoded(gzipSync),
  'brotli with its header': misbehave.encoded(brotliCompressSync, { 'content-encoding': 'br' }),
  'brotli without a header': misbehave.encoded(brotliCompressSync),
  'deflate with its header': misbehave.encoded(deflateSync, { 'content-encoding': 'deflate' }),
  'zstd without a header': misbehave.encoded(zstdCompressSync),
  'a header of gzip without gzip': misbehave.encoded((json) => json, { 'content-encoding': 'gzip' }),
  'a byte order mark': misbehave.encoded(withBom),
  'gzip of a byte order mark': misbehave.encoded((json) => gzipSync(withBom(json))),
  'UTF-16': misbehave.encoded((json) => Buffer.from(`\ufeff${json}`, 'utf16le')),
  'a form': misbehave.form(),
  'a form that calls itself HTML': misbehave.form('text/html'),
};

describe.each<Kind>(['rejecting', 'revoking'])('a refresh answer of a provider of kind %s is read', (kind) => {
  it.each(Object.entries(READABLE))('from %s, and its rotated refresh token is used next', async (_name, behaviour) => {
    const its = keep(await openProviderAndRefreshes({ kind }));
    const user = await its.connect({ refresh: 'refresh-0' });
    its.provider.script(behaviour, behaviour);
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-1', warning: null });
    const { tokenVersion } = await its.recordOf(user);
    expect(await its.ask(user, { rejectedVersion: tokenVersion })).toMatchObject({ code: 'ok', access: 'access-2' });
    expect(its.provider.refreshTokens()).toEqual(['refresh-0', 'refresh-1']);
    expect((await its.recordOf(user)).condition).toEqual({ kind: 'good' });
  });
});

it('an error in a form is seen as the refusal that it is', async () => {
  const its = keep(await openProviderAndRefreshes({ profile: { errors: { grant_dead: ['bad_refresh_token'] } } }));
  const user = await its.connect({});
  its.provider.otherwise(misbehave.formError('bad_refresh_token'));
  await its.ask(user);
  expect(its.auditOf(user).at(-1)).toMatch(/^RefreshToken \w+ refused_by_provider$/);
});

it('a compressed error is seen', async () => {
  const its = keep(await openProviderAndRefreshes());
  const user = await its.connect({});
  its.provider.otherwise((response) => {
    response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":"invalid_grant"}'));
  });
  await its.ask(user);
  expect(its.auditOf(user).at(-1)).toMatch(/^RefreshToken \w+ refused_by_provider$/);
});

it('an answer that decompresses to ten mebibytes is refused, and read no further', async () => {
  const its = keep(await openProviderAndRefreshes());
  const user = await its.connect({});
  its.provider.script(
    misbehave.encoded((json) => gzipSync(Buffer.concat([json, Buffer.alloc(10 * 1024 * 1024, 0x20)]))),
  );
  expect(await its.ask(user)).toMatchObject({ code: 'provider_unavailable' });
  expect(its.auditOf(user).at(-1)).toBe('RefreshToken provider_unavailable answer_too_large');
});

describe('an identity answer is read', () => {
  const ENCODINGS: Readonly<Record<string, (json: Buffer) => Buffer>> = {
    gzip: gzipSync,
    brotli: brotliCompressSync,
    'a byte order mark': withBom,
  };

  it.each(Object.entries(ENCODINGS))('from %s: the tokens of another account are refused', async (_name, encode) => {
    const its = await openWithIdentity(encode);
    const user = await its.connect({ access: 'of-ada' });
    const store = (tokens: Tokens) => connect(its.vault, its.platform, { user, ...tokens });
    expect(await store({ access: 'of-bob' })).toMatchObject({ ok: false, failure: { code: 'account_mismatch' } });
    expect(await store({ access: 'of-ada' })).toMatchObject({ ok: true });
  });
});

/** A vault whose provider names the account of an access token `of-…`, encoded so. */
const openWithIdentity = async (encode: (json: Buffer) => Buffer): Promise<Refreshes> => {
  const server = keep(
    await openHttpServer(({ headers }, response) => {
      const sub = headers.authorization?.replace('Bearer of-', '');
      response.end(encode(Buffer.from(JSON.stringify({ sub }))));
    }),
  );
  return keep(
    await openRefreshes({
      profile: {
        display_name: 'Provider of a test',
        token: { url: `${server.url}/token` },
        identity: { url: `${server.url}/me`, paths: ['sub'] },
      },
    }),
  );
};
