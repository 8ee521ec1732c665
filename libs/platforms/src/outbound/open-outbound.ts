import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Result } from '@vault-engine/crypto';
import { addressRule, checkedLookup, type Resolve } from './check-addresses.ts';
import type { Exchange, NotSentReason, OutboundRequest } from './exchange.ts';
import { probeHost } from './probe-host.ts';
import { withoutBrackets } from './public-address.ts';
import { sendRequest } from './send-request.ts';

/** How requests to providers are made. */
export interface OutboundOptions {
  /** Plain HTTP, and TLS, to loopback. For development and tests only. */
  readonly allowInsecureLoopback: boolean;
  /** Default: the operating system's resolver. */
  readonly resolve?: Resolve;
  /** From the first look-up to the last byte of the answer. Default: 10 s. */
  readonly timeoutMs?: number;
  /** A certificate (PEM) to trust instead of the system's. */
  readonly ca?: string;
}

/** The one way out to providers. Follows no redirect, keeps no cookie, uses no proxy. */
export interface Outbound {
  /** No exchange takes longer, milliseconds. */
  readonly timeoutMs: number;
  /** Never rejects: what went wrong is an {@link Exchange}, without a word of what was sent or answered. */
  exchange(request: OutboundRequest): Promise<Exchange>;
  /** Connects to the host of `url`, TLS included, and sends nothing. Answers the address that it reached. */
  probe(url: URL): Promise<Result<string, NotSentReason>>;
  /** Ends idle connections. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** An answer of a token URL is a few KiB. */
const MAX_BODY_BYTES = 65_536;
/** Servers commonly end an idle connection after 5 s or more (Node: 5 s); ours is gone before that. */
const IDLE_MS = 2_000;

/** Opens the way out. The caller closes it. */
export const openOutbound = (options: OutboundOptions): Outbound => {
  const agents = openAgents(options.ca);
  const resolve = options.resolve ?? systemResolve;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const guardOf = ({ protocol }: URL) => {
    const rule = addressRule(protocol, options.allowInsecureLoopback);
    return { rule, lookup: checkedLookup(resolve, rule), timeoutMs };
  };
  return {
    timeoutMs,
    exchange: async (request) => {
      const { url, reuse, allowedHosts } = request;
      const refusal = allowedHosts.has(url.host) ? refuse(url, options) : 'host_not_allowed';
      if (refusal !== null) return { kind: 'not_sent', reason: refusal };
      const agent = agents[url.protocol === 'https:' ? 'https' : 'http'][reuse ? 'reused' : 'fresh'];
      return sendRequest(request, { ...guardOf(url), agent, maxBodyBytes: MAX_BODY_BYTES });
    },
    probe: async (url) => {
      const refusal = refuse(url, options);
      return refusal === null ? probeHost(url, { ...guardOf(url), ca: options.ca }) : { ok: false, reason: refusal };
    },
    close: () => {
      for (const { fresh, reused } of [agents.http, agents.https]) {
        fresh.destroy();
        reused.destroy();
      }
    },
  };
};

/** Asks the operating system (`getaddrinfo`), the hosts file included. */
const systemResolve: Resolve = (host) => lookup(host, { all: true });

const openAgents = (ca: string | undefined) => {
  const tls = { minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) } as const;
  const reused = { keepAlive: true, timeout: IDLE_MS } as const;
  return {
    http: { fresh: new HttpAgent(), reused: new HttpAgent(reused) },
    // Both resume TLS sessions, so that a fresh connection costs one round trip more, not a whole handshake.
    https: { fresh: new HttpsAgent(tls), reused: new HttpsAgent({ ...tls, ...reused }) },
  };
};

const refuse = (url: URL, { allowInsecureLoopback }: OutboundOptions): NotSentReason | null => {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowInsecureLoopback)) return 'insecure_url';
  // Sockets do not look up what is an address already. The URL parser has made one of every spelling (decimal, hex).
  const host = withoutBrackets(url.hostname);
  return isIP(host) !== 0 && !addressRule(url.protocol, allowInsecureLoopback)(host) ? 'address_refused' : null;
};
