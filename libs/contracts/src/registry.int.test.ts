import { request as forward, type IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openWorld, selfSigned, type World } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applySchemas } from './apply-schemas.ts';
import { openCodec } from './codec.ts';
import { RegistryUnavailable } from './errors.ts';
import type { RegistryAccess } from './registry.ts';

const certificate = selfSigned('localhost');
const tls = { ca: certificate.cert };
const basic: RegistryAccess = { auth: { kind: 'basic', username: 'vault', password: 'canary: ä' }, tls };
const bearer: RegistryAccess = { auth: { kind: 'bearer', token: 'canary-token' }, tls };

let world: World;
let proxy: Server;
/** The real registry behind TLS, for callers with one of the two credentials. */
let url: string;

const ACCEPTED = new Set([`Basic ${Buffer.from('vault:canary: ä').toString('base64')}`, 'Bearer canary-token']);

beforeAll(async () => {
  world = await openWorld();
  const target = new URL(world.registryUrl);
  proxy = createServer(certificate, (incoming, outgoing) => {
    const { authorization, ...headers } = incoming.headers;
    if (authorization === undefined || !ACCEPTED.has(authorization)) {
      outgoing
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"error_code":401,"message":"unauthorized"}');
      return;
    }
    const { method, url: path } = incoming;
    const onward = forward(
      { host: target.hostname, port: target.port, method, path, headers },
      (answer: IncomingMessage) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, resolve));
  url = `https://localhost:${(proxy.address() as AddressInfo).port}${target.pathname}`;
});
afterAll(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await world?.close();
});

describe.each([
  ['basic', basic],
  ['bearer', bearer],
])('a registry behind TLS and %s authentication', (_kind, access) => {
  test('is applied to, and asked by a codec', async () => {
    expect(await applySchemas(url, access)).toMatchObject({ ok: true });
    const codec = await openCodec({ registryUrl: url, registryAccess: access });
    const message = codec.encode('GetStatus', { user_id: 'u1' });
    const other = await openCodec({ registryUrl: url, registryAccess: access, types: ['PlatformEntry'] });
    expect(await other.decode(message)).toMatchObject({ ok: true, name: 'GetStatus' });
  });
});

test.each<[string, RegistryAccess]>([
  ['without credentials', { tls }],
  ['with wrong credentials', { auth: { kind: 'bearer', token: 'canary-wrong' }, tls }],
  ['without trust in its certificate', { auth: { kind: 'bearer', token: 'canary-token' } }],
])('%s it is unavailable, and the error shows no credential', async (_what, access) => {
  const error: unknown = await applySchemas(url, access).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(RegistryUnavailable);
  expect(String(error)).not.toContain('canary');
});
