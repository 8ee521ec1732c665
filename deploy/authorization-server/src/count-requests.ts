import { setTimeout as sleep } from 'node:timers/promises';
import type Provider from 'oidc-provider';

/** Counts of the requests to a server. */
export interface RequestCounts {
  /** Token requests with `grant_type=refresh_token`; each is counted once it has taken effect. */
  readonly refreshes: { readonly total: number; readonly refreshed: number; readonly refused: number };
  /** Successful requests to the revocation endpoint. */
  readonly revocations: number;
  /** Introspection requests by their answer (RFC 7662). */
  readonly introspections: { readonly active: number; readonly inactive: number };
}

/** Hooks into the requests. */
export interface RequestWatch {
  /** Milliseconds by which an answer of the token endpoint is delayed. */
  readonly latencyMs: () => number;
  readonly onRefresh: (result: 'refreshed' | 'refused') => void;
}

/** Starts counting. Returns a function that reads the counts. */
export const countRequests = (provider: Provider, { latencyMs, onRefresh }: RequestWatch): (() => RequestCounts) => {
  const counted = { refreshed: 0, refused: 0, revocations: 0, active: 0, inactive: 0 };
  provider.use(async (context, next) => {
    await next();
    const { oidc } = context;
    // Undefined for a request without a route, whatever the type says.
    if (oidc === undefined) return;
    if (oidc.route === 'revocation' && context.status === 200) counted.revocations += 1;
    if (oidc.route === 'introspection' && context.status === 200)
      counted[Reflect.get(Object(context.body), 'active') === true ? 'active' : 'inactive'] += 1;
    if (oidc.route !== 'token') return;
    if (oidc.params?.['grant_type'] === 'refresh_token') {
      const result = context.status === 200 ? 'refreshed' : 'refused';
      counted[result] += 1;
      onRefresh(result);
    }
    // The delay follows the effect, which is the worst case: a caller that dies meanwhile has spent its token unknowingly.
    await sleep(latencyMs());
  });
  return () => {
    const { refreshed, refused, revocations, active, inactive } = counted;
    return {
      refreshes: { total: refreshed + refused, refreshed, refused },
      revocations,
      introspections: { active, inactive },
    };
  };
};
