/** What an engine may do, and where. */
export interface Grant {
  /** Command types, e.g. `GetToken`; `*` stands for all of them. */
  readonly operations: readonly string[];
  /** Platform ids; `*` stands for all of them. */
  readonly platforms: readonly string[];
}

/**
 * Whether any grant covers the operation on the platform. An operation on the whole user (`platform` null, e.g.
 * `ForgetUser`) touches every platform, so only `*` covers it.
 */
export const allowed = (grants: readonly Grant[], operation: string, platform: string | null): boolean =>
  grants.some((grant) => covers(grant.operations, operation) && covers(grant.platforms, platform));

const covers = (granted: readonly string[], asked: string | null): boolean =>
  granted.includes('*') || (asked !== null && granted.includes(asked));
