/** What an engine may do, and where. */
export interface Grant {
  /** Command types, e.g. `GetToken`. */
  readonly operations: readonly string[];
  /** Platform ids; `*` stands for all of them. */
  readonly platforms: readonly string[];
}

/**
 * Whether any grant covers the operation on the platform. An operation on the whole user (`platform` null, e.g.
 * `ForgetUser`) touches every platform, so only `*` covers it.
 */
export const allowed = (grants: readonly Grant[], operation: string, platform: string | null): boolean =>
  grants.some(
    ({ operations, platforms }) =>
      operations.includes(operation) &&
      (platforms.includes('*') || (platform !== null && platforms.includes(platform))),
  );
