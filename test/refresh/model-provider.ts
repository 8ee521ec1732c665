import { randomUUID } from 'node:crypto';
import type { Outbound } from '@vault-engine/platforms';
import type { Kind } from './profiles.ts';

type Exchange = Awaited<ReturnType<Outbound['exchange']>>;

/** What happens to one refresh request: whether the provider acts on it, and the answer that the vault sees. */
export interface Fate {
  /** `acts`: the provider does what it is asked. `skips`: the request does not reach it, or it does nothing. */
  readonly provider: 'acts' | 'skips';
  /** `right`: the provider's own answer. Any other takes its place. */
  readonly answer: 'right' | Exchange;
  /** Milliseconds until the answer. */
  readonly delayMs: number;
}

/** A provider with one grant, as its kind says. */
export interface ModelProvider {
  readonly outbound: Outbound;
  /** The fates of the next requests; later ones are right. */
  readonly fates: Fate[];
  /** The user ends the grant. */
  readonly revoke: () => void;
  /** Whether the provider accepts this refresh token now. */
  readonly honours: (refreshToken: string) => boolean;
  /** How often a second use of a refresh token has ended the grant. */
  readonly endedByReuse: () => number;
  readonly first: string;
}

const GRACE_MS = 600_000;

/** Opens a provider of a kind; `rotates`: whether it issues new refresh tokens, for kinds that may. `now`: Unix milliseconds. */
export const modelProvider = (
  kind: Kind,
  rotates: boolean,
  clock: { now: number },
  timeoutMs: number,
): ModelProvider => {
  const fates: Fate[] = [];
  let current = `refresh-${randomUUID()}`;
  const first = current;
  const usedAt = new Map<string, number>();
  let isAlive = true;
  let ended = 0;

  const isInGrace = (token: string): boolean =>
    kind === 'graced' && clock.now < (usedAt.get(token) ?? Number.NEGATIVE_INFINITY) + GRACE_MS;
  const honours = (token: string): boolean => isAlive && (token === current || isInGrace(token));

  const act = (token: string): Exchange => {
    if (!honours(token)) {
      const isReuse = usedAt.has(token) && isAlive;
      if (isReuse && (kind === 'revoking' || kind === 'telling' || kind === 'graced')) {
        isAlive = false;
        ended += 1;
      }
      return json(400, { error: 'invalid_grant' });
    }
    const answer = { access_token: `access-${randomUUID()}`, token_type: 'Bearer', expires_in: 3_600 };
    if (kind === 'never' || !rotates) return json(200, answer);
    if (!usedAt.has(token)) usedAt.set(token, clock.now);
    current = `refresh-${randomUUID()}`;
    return json(200, { ...answer, refresh_token: current });
  };

  return {
    first,
    fates,
    honours,
    endedByReuse: () => ended,
    revoke: () => {
      isAlive = false;
    },
    outbound: {
      timeoutMs,
      probe: async () => ({ ok: false, reason: 'unreachable' }),
      close: () => undefined,
      exchange: async ({ url, body }) => {
        const form = new URLSearchParams(body?.toString() ?? '');
        if (url.pathname === '/introspect') return json(200, { active: honours(form.get('token') ?? '') });
        const { provider, answer, delayMs } = fates.shift() ?? RIGHT;
        const right = provider === 'acts' ? act(form.get('refresh_token') ?? '') : json(500, {});
        clock.now += delayMs;
        return answer === 'right' ? right : answer;
      },
    },
  };
};

const RIGHT: Fate = { provider: 'acts', answer: 'right', delayMs: 10 };

const NO_HEADERS = { contentEncoding: null, wwwAuthenticate: null };

const json = (status: number, value: unknown): Exchange => ({
  kind: 'answered',
  status,
  retryAfter: null,
  headers: NO_HEADERS,
  body: Buffer.from(JSON.stringify(value)),
});
