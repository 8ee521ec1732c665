import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Result } from '@vault-engine/crypto';
import { AddressRefused, type AddressRule, withoutBrackets } from './check-addresses.ts';
import { type NotSentReason, notSentReason } from './exchange.ts';

/** How a host is probed. */
export interface ProbeOptions {
  readonly lookup: LookupFunction;
  readonly rule: AddressRule;
  readonly timeoutMs: number;
  readonly ca: string | undefined;
}

/** Connects to the host of `url`, TLS included, and sends nothing. Returns the address. */
export const probeHost = (url: URL, options: ProbeOptions): Promise<Result<string, NotSentReason>> =>
  new Promise((resolve) => {
    let connected = false;
    const socket = open(url, options);
    const finish = (result: Result<string, NotSentReason>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const fail = (error: Error | 'timeout'): void => finish({ ok: false, reason: notSentReason(error, connected) });
    const timer = setTimeout(() => fail('timeout'), options.timeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => {
      connected = true;
    });
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      const address = socket.remoteAddress ?? '';
      if (options.rule(address)) finish({ ok: true, value: address });
      else fail(new AddressRefused('the connection went to another address'));
    });
  });

const open = (url: URL, { lookup, ca }: ProbeOptions): Socket => {
  const host = withoutBrackets(url.hostname);
  if (url.protocol !== 'https:') return connectTcp({ host, port: Number(url.port || 80), lookup });
  const port = Number(url.port || 443);
  return connectTls({ host, port, lookup, servername: host, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) });
};
