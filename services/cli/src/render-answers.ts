import type { IssuedToken, PlatformStatus, StartedConnection, UserStatus } from '@vault-engine/client';

/** Unix seconds, the unit of the REST API. */
const seconds = (time: Date | null): number | null => (time === null ? null : Math.floor(time.getTime() / 1000));

/** A token as JSON with the field names of the REST API. Contains the secret. */
export const tokenFacts = (token: IssuedToken) => ({
  access_token: token.accessToken,
  token_type: token.tokenType,
  expires_at: seconds(token.expiresAt),
  scopes: token.scopes,
  token_version: token.tokenVersion,
  params: token.params,
  warning: token.warning,
});

/** A started flow as JSON. */
export const flowFacts = ({ userId, platform, flowId, expiresAt, revision }: StartedConnection) => ({
  user_id: userId,
  platform,
  flow_id: flowId,
  expires_at: seconds(expiresAt),
  revision,
});

/** A user's connections as JSON. */
export const statusFacts = ({ userId, revision, platforms }: UserStatus) => ({
  user_id: userId,
  revision,
  platforms: platforms.map((one) => ({
    platform: one.platform,
    display_name: one.displayName,
    status: one.status,
    suggested_action: one.suggestedAction,
    reason: one.reason,
    expires_at: seconds(one.expiresAt),
    lapses_at: seconds(one.lapsesAt),
    scopes: one.scopes,
  })),
});

/** A user's connections as lines for a terminal. */
export const statusLines = ({ platforms }: UserStatus): readonly string[] => {
  const width = Math.max(0, ...platforms.map(({ platform }) => platform.length));
  return platforms.map((one) => [one.platform.padEnd(width), one.status.padEnd(9), remarks(one)].join('  ').trimEnd());
};

const remarks = ({ suggestedAction, reason, expiresAt, lapsesAt }: PlatformStatus): string =>
  [
    reason,
    suggestedAction === 'NONE' ? null : `→ ${suggestedAction}`,
    expiresAt === null ? null : `token expires ${expiresAt.toISOString()}`,
    lapsesAt === null ? null : `connection expires ${lapsesAt.toISOString()}`,
  ]
    .filter((remark) => remark !== null)
    .join(', ');
