import { setTimeout as sleep } from 'node:timers/promises';
import type Provider from 'oidc-provider';

/** What a server has been asked for. */
export interface RequestCounts {
  /** Requests of the token endpoint with `grant_type=refresh_token`; each is counted when it has taken effect. */
  readonly refreshes: { readonly total: number; readonly renewed: number; readonly refused: number };
  /** Requests of the revocation endpoint that were answered with success. */
  readonly revocations: number;
  /** Questions after a token, by their answer (RFC 7662). */
  readonly introspections: { readonly active: number; readonly inactive: number };
}

/** What watches the requests. */
export interface RequestWatch {
  /** For how many milliseconds an answer of the token endpoint is held back. */
  readonly latencyMs: () => number;
  readonly onRefresh: (result: 'renewed' | 'refused') => void;
}

/** Counts from now on. */
export const countRequests = (provider: Provider, { latencyMs, onRefresh }: RequestWatch): (() => RequestCounts) => {
  const counted = { renewed: 0, refused: 0, revocations: 0, active: 0, inactive: 0 };
  provider.use(async (context, next) => {
    await next();
    const { oidc } = context;
    // Only a request that was routed has it, whatever the type says.
    if (oidc === undefined) return;
    if (oidc.route === 'revocation' && context.status === 200) counted.revocations += 1;
    if (oidc.route === 'introspection' && context.status === 200)
      counted[Reflect.get(Object(context.body), 'active') === true ? 'active' : 'inactive'] += 1;
    if (oidc.route !== 'token') return;
    if (oidc.params?.['grant_type'] === 'refresh_token') {
      const result = context.status === 200 ? 'renewed' : 'refused';
      counted[result] += 1;
      onRefresh(result);
    }
    // Held back at the end, as the worst case is: a caller that dies meanwhile has spent its token and never learns it.
    await sleep(latencyMs());
  });
  return () => {
    const { renewed, refused, revocations, active, inactive } = counted;
    return {
      refreshes: { total: renewed + refused, renewed, refused },
      revocations,
      introspections: { active, inactive },
    };
  };
};
