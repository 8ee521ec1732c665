import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openHttpServer, openTcpServer, sendJson } from '@vault-engine/authorization-server';
import { selfSigned } from '@vault-engine/world';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OutboundRequest } from './exchange.ts';
import { type OutboundOptions, openOutbound } from './open-outbound.ts';

const CANARY = 'canary-refresh-token';
const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((it) => it.close()));
});
const keep = <Opened extends { close: () => unknown }>(it: Opened): Opened => {
  opened.push(it);
  return it;
};

const outbound = (options: Partial<OutboundOptions> = {}) =>
  keep(openOutbound({ allowInsecureLoopback: true, timeoutMs: 2_000, ...options }));
const okServer = async (host?: string) =>
  keep(await openHttpServer((_, response) => sendJson(response, 200, {}), host));

const requestTo = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'POST',
  url: new URL(url),
  allowedHosts: new Set([new URL(url).host]),
  headers: {},
  body: Buffer.from(CANARY),
  reuse: false,
  ...more,
});
const answering = (...answers: readonly (readonly string[])[]) => {
  const resolve = vi.fn<(host: string) => Promise<readonly LookupAddress[]>>();
  for (const addresses of answers)
    resolve.mockResolvedValueOnce(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  return resolve;
};

describe('a request is refused before anything is sent', () => {
  it.each([
    ['private', 'https://10.0.0.1/'],
    ['of cloud metadata', 'https://169.254.169.254/latest/meta-data/'],
    ['loopback', 'https://127.0.0.1/'],
    ['decimal', 'https://2130706433/'],
    ['hexadecimal', 'https://0xa9fea9fe/'],
    ['octal', 'https://0177.0.0.1/'],
    ['shortened', 'https://127.1/'],
    ['mapped into IPv6', 'https://[::ffff:169.254.169.254]/'],
    ['of NAT64', 'https://[64:ff9b::a9fe:a9fe]/'],
    ['link-local in IPv6', 'https://[fe80::1]/'],
    ['unique local', 'https://[fd00:ec2::254]/'],
    ['unspecified', 'https://0.0.0.0/'],
  ])('to an address that is %s', async (_name, url) => {
    const out = outbound({ allowInsecureLoopback: false });
    expect(await out.exchange(requestTo(url))).toEqual({ kind: 'not_sent', reason: 'address_refused' });
  });

  it.each([
    [['10.1.2.3']],
    [['127.0.0.1']],
    [['169.254.169.254']],
    [['::ffff:169.254.169.254']],
    [['::1']],
    [['1.1.1.1', '192.168.0.1']],
    [[]],
  ])('to a name that resolves to %j', async (addresses) => {
    const out = outbound({ allowInsecureLoopback: false, resolve: answering(addresses) });
    expect(await out.exchange(requestTo('https://provider.example/'))).toEqual({
      kind: 'not_sent',
      reason: 'address_refused',
    });
  });

  it('to a name that resolves to loopback and to metadata, where loopback is allowed', async () => {
    const server = await okServer();
    const out = outbound({ resolve: answering(['127.0.0.1', '169.254.169.254']) });
    expect(await out.exchange(requestTo(`http://provider.example:${server.port}/`))).toEqual({
      kind: 'not_sent',
      reason: 'address_refused',
    });
    expect(server.connections()).toBe(0);
  });

  it('over plain HTTP, except to loopback in development', async () => {
    const server = await okServer();
    const refused = { kind: 'not_sent', reason: 'insecure_url' };
    const production = outbound({ allowInsecureLoopback: false });
    expect(await production.exchange(requestTo(server.url))).toEqual(refused);
    expect(await production.exchange(requestTo('http://provider.example/'))).toEqual(refused);
    const development = outbound({ resolve: answering(['93.184.216.34']) });
    expect(await development.exchange(requestTo('http://provider.example/'))).toMatchObject({
      reason: 'address_refused',
    });
    expect(await development.exchange(requestTo('ftp://127.0.0.1/'))).toEqual(refused);
    expect(server.connections()).toBe(0);
  });

  it('to a host, or a port, that the profile does not name', async () => {
    const server = await okServer();
    const allowedHosts = new Set(['127.0.0.1']);
    expect(await outbound().exchange(requestTo(server.url, { allowedHosts }))).toEqual({
      kind: 'not_sent',
      reason: 'host_not_allowed',
    });
    expect(server.connections()).toBe(0);
  });

  it('when it is cancelled while the connection is being made', async () => {
    const server = await okServer();
    const cancelling = new AbortController();
    const out = outbound({
      resolve: async () => {
        cancelling.abort();
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const url = `http://provider.example:${server.port}/`;
    expect(await out.exchange(requestTo(url, { cancelled: cancelling.signal }))).toMatchObject({ reason: 'cancelled' });
    expect(server.received).toEqual([]);
  });
});

it('a name is resolved once and the checked address is connected to, whatever it resolves to next (DNS rebinding)', async () => {
  const good = await okServer('127.0.0.2');
  const resolve = answering(['127.0.0.2'], ['169.254.169.254']);
  const exchange = await outbound({ resolve }).exchange(requestTo(`http://provider.example:${good.port}/`));
  expect(exchange).toMatchObject({ kind: 'answered', status: 200 });
  expect(resolve).toHaveBeenCalledOnce();
  expect(good.received).toMatchObject([{ body: CANARY }]);
});

it('each new connection is checked again', async () => {
  const good = await okServer('127.0.0.2');
  const out = outbound({ resolve: answering(['127.0.0.2'], ['169.254.169.254']) });
  const request = requestTo(`http://provider.example:${good.port}/`);
  expect(await out.exchange(request)).toMatchObject({ kind: 'answered' });
  expect(await out.exchange(request)).toEqual({ kind: 'not_sent', reason: 'address_refused' });
});

it('a redirect to a metadata address is an answer, and is not followed', async () => {
  const location = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/';
  const server = keep(await openHttpServer((_, response) => response.writeHead(307, { location }).end()));
  expect(await outbound().exchange(requestTo(server.url))).toMatchObject({ kind: 'answered', status: 307 });
  expect(server.received).toHaveLength(1);
});

describe('connections', () => {
  it('are reused for requests that can be repeated, and never for others', async () => {
    const server = await okServer();
    const out = outbound();
    const carriers = async (reuse: boolean) => {
      await out.exchange(requestTo(server.url, { reuse }));
      return server.received.at(-1)?.connection;
    };
    expect([await carriers(true), await carriers(true), await carriers(false), await carriers(false)]).toEqual([
      1, 1, 2, 3,
    ]);
  });
});

describe('over TLS', () => {
  const tlsServer = async () => {
    const certificate = selfSigned('provider.example');
    const server = createServer(certificate, (request, response) => {
      request.resume().once('end', () => response.end('{"ok":true}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    keep({ close: () => server.close() });
    const { port } = server.address() as AddressInfo; // it listens on a port
    return { ca: certificate.cert, port };
  };

  it('a request goes to a server with a valid certificate for the name', async () => {
    const { ca, port } = await tlsServer();
    const out = outbound({ ca, resolve: answering(['127.0.0.1'], ['127.0.0.1'], ['127.0.0.1']) });
    for (const reuse of [false, true, true])
      expect(await out.exchange(requestTo(`https://provider.example:${port}/`, { reuse }))).toMatchObject({
        status: 200,
      });
  });

  it('no request goes to a server without one', async () => {
    const { ca, port } = await tlsServer();
    const failed = { kind: 'not_sent', reason: 'tls_failed' };
    const other = outbound({ ca, resolve: answering(['127.0.0.1']) });
    expect(await other.exchange(requestTo(`https://other.example:${port}/`))).toEqual(failed);
    const untrusting = outbound({ resolve: answering(['127.0.0.1']) });
    expect(await untrusting.exchange(requestTo(`https://provider.example:${port}/`))).toEqual(failed);
  });
});

describe('a failure is known to be before or after the provider could see the request', () => {
  it('before: the name does not resolve', async () => {
    const missing = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    const out = outbound({ resolve: () => Promise.reject(missing) });
    expect(await out.exchange(requestTo('https://provider.example/'))).toEqual({
      kind: 'not_sent',
      reason: 'unresolvable',
    });
  });

  it('before: no server listens', async () => {
    const server = await openHttpServer(() => undefined);
    await server.close();
    expect(await outbound().exchange(requestTo(server.url))).toEqual({ kind: 'not_sent', reason: 'unreachable' });
  });

  it('before: the name never resolves', async () => {
    const out = outbound({ resolve: () => new Promise(() => undefined), timeoutMs: 50 });
    expect(await out.exchange(requestTo('https://provider.example/'))).toEqual({ kind: 'not_sent', reason: 'timeout' });
  });

  it('before: the TLS handshake fails, hangs or is cut, and no byte of the request was written', async () => {
    const written: Buffer[] = [];
    const meetings = [
      ['tls_failed', (data: Buffer) => data.length > 0 && 'HTTP/1.1 400 Bad Request\r\n\r\n'],
      ['tls_failed', () => null],
      ['timeout', () => ''],
    ] as const;
    for (const [reason, reply] of meetings) {
      const server = keep(
        await openTcpServer((socket) =>
          socket.on('data', (data) => {
            written.push(data);
            const answer = reply(data);
            if (answer === null) socket.destroy();
            else if (answer) socket.write(answer);
          }),
        ),
      );
      const exchange = await outbound({ timeoutMs: 300 }).exchange(requestTo(`https://localhost:${server.port}/`));
      expect(exchange).toEqual({ kind: 'not_sent', reason });
    }
    expect(Buffer.concat(written).toString('latin1')).not.toContain(CANARY);
  });

  it('after: the connection is cut, the answer is not HTTP, or there is none', async () => {
    const endings = [
      ['connection_cut', null],
      ['answer_malformed', 'garbage\r\n\r\n'],
      ['timeout', ''],
    ] as const;
    for (const [reason, reply] of endings) {
      const server = keep(
        await openTcpServer((socket) =>
          socket.on('data', () => {
            if (reply === null) socket.destroy();
            else if (reply) socket.write(reply);
          }),
        ),
      );
      expect(await outbound({ timeoutMs: 300 }).exchange(requestTo(server.url))).toEqual({
        kind: 'unanswered',
        reason,
      });
    }
  });

  it('after the status: the body is cut, is too large, or does not end', async () => {
    const bodies = [
      ['answer_cut', 'content-length: 100', '{', true],
      ['answer_too_large', 'connection: close', 'x'.repeat(1_100_000), false],
      ['timeout', 'content-length: 100', '{', false],
    ] as const;
    for (const [reason, header, body, ends] of bodies) {
      const server = keep(
        await openTcpServer((socket) =>
          socket.once('data', () => {
            socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${body}`);
            if (ends) socket.end();
          }),
        ),
      );
      expect(await outbound({ timeoutMs: 300 }).exchange(requestTo(server.url))).toMatchObject({
        kind: 'cut_short',
        status: 200,
        reason,
      });
    }
  });
});

describe('a probe', () => {
  it('connects, sends nothing, and returns the address', async () => {
    const server = await okServer();
    expect(await outbound().probe(new URL(server.url))).toEqual({ ok: true, value: '127.0.0.1' });
    expect([server.connections(), server.received.length]).toEqual([1, 0]);
  });

  it('returns the reason of a failure', async () => {
    const server = keep(await openTcpServer((socket) => socket.end('no TLS')));
    const gone = await openHttpServer(() => undefined);
    await gone.close();
    const out = outbound({ timeoutMs: 300, resolve: answering(['127.0.0.1'], ['10.0.0.1']) });
    const reasons = [
      `https://provider.example:${server.port}/`,
      'https://inside.example/',
      gone.url,
      'https://10.0.0.1/',
    ];
    const results = [];
    for (const url of reasons) results.push(await out.probe(new URL(url)));
    expect(results).toEqual(
      ['tls_failed', 'address_refused', 'unreachable', 'address_refused'].map((reason) => ({ ok: false, reason })),
    );
  });
});
