import type { WrittenProfile } from '@vault-engine/platforms';

/** Ten minutes, as some providers allow. */
export const GRACE_S = 600;

/** What providers do with refresh tokens, as far as renewing depends on it. */
export const KINDS = {
  never: { mode: 'never' },
  rejecting: { mode: 'optional', on_reuse: 'reject' },
  revoking: { mode: 'always', on_reuse: 'revoke_family' },
  telling: { mode: 'always', on_reuse: 'revoke_family' },
  graced: { mode: 'always', on_reuse: 'revoke_family', grace_s: GRACE_S },
} as const satisfies Record<string, WrittenProfile['rotation']>;

/** Which of them. */
export type Kind = keyof typeof KINDS;

/** The profile of a provider of a kind, with changes. `telling` is one that tells which refresh tokens are spent. */
export const profileOf = (
  { tokenUrl, introspectionUrl }: { readonly tokenUrl: string; readonly introspectionUrl: string },
  kind: Kind,
  changes: Partial<WrittenProfile> = {},
): WrittenProfile => ({
  display_name: 'Provider of a test',
  token: { url: tokenUrl },
  refresh: { min_interval_s: 0 },
  rotation: KINDS[kind],
  ...(kind === 'telling' && { introspection: { url: introspectionUrl, refresh_tokens: true } }),
  ...changes,
});
