import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Result } from '@vault-engine/crypto';
import { MAX_BODY_BYTES } from '../answer/decode-body.ts';
import { addressRule, checkedLookup, type Resolve, withoutBrackets } from './check-addresses.ts';
import type { Exchange, NotSentReason, OutboundRequest } from './exchange.ts';
import { probeHost } from './probe-host.ts';
import { sendRequest } from './send-request.ts';

/** Settings of {@link openOutbound}. */
export interface OutboundOptions {
  /** Whether plain HTTP and TLS may go to loopback. For development and tests only. */
  readonly allowInsecureLoopback: boolean;
  /** Default: the operating system's resolver. */
  readonly resolve?: Resolve;
  /** Milliseconds from the DNS lookup to the last byte of the answer. Default: 10 s. */
  readonly timeoutMs?: number;
  /** A certificate (PEM) to trust instead of the system's. */
  readonly ca?: string;
}

/** The HTTP client for all requests to providers. It follows no redirect, keeps no cookie and uses no proxy. */
export interface Outbound {
  /** Upper bound of an exchange without its own, milliseconds. */
  readonly timeoutMs: number;
  /** Never rejects: a failure is an {@link Exchange}, which has nothing of the request's or the answer's content. */
  exchange(request: OutboundRequest): Promise<Exchange>;
  /** Connects to the host of `url`, TLS included, and sends nothing. Returns the address that was reached. */
  probe(url: URL): Promise<Result<string, NotSentReason>>;
  /** Closes idle connections. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** Milliseconds. Servers commonly close an idle connection after 5 s or more (Node: 5 s). */
const IDLE_MS = 2_000;

/** Opens the HTTP client for providers. The caller closes it. */
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
      return sendRequest(request, {
        ...guardOf(url),
        timeoutMs: request.timeoutMs ?? timeoutMs,
        agent,
        maxBodyBytes: MAX_BODY_BYTES,
      });
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

/** The operating system's resolver (`getaddrinfo`), the hosts file included. */
const systemResolve: Resolve = (host) => lookup(host, { all: true });

const openAgents = (ca: string | undefined) => {
  const tls = { minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) } as const;
  const reused = { keepAlive: true, timeout: IDLE_MS } as const;
  return {
    http: { fresh: new HttpAgent(), reused: new HttpAgent(reused) },
    // Both resume TLS sessions: a fresh connection costs one more round trip, not a whole handshake.
    https: { fresh: new HttpsAgent(tls), reused: new HttpsAgent({ ...tls, ...reused }) },
  };
};

const refuse = (url: URL, { allowInsecureLoopback }: OutboundOptions): NotSentReason | null => {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowInsecureLoopback)) return 'insecure_url';
  // Sockets resolve no literal address, so it is checked here. The URL parser normalises its spellings (decimal, hex).
  const host = withoutBrackets(url.hostname);
  return isIP(host) !== 0 && !addressRule(url.protocol, allowInsecureLoopback)(host) ? 'address_refused' : null;
};
