import {
  forgetUser,
  getStatus,
  getToken,
  type Operation,
  type PlatformStatus,
  revokeToken,
  startConnection,
  storeToken,
} from '@vault-engine/client';
import * as z from 'zod';
import * as field from './fields.ts';

/** One operation over HTTP: its body, the command that is made of it, and its answer. */
export interface Route<Body extends z.ZodType, Answer extends z.ZodType, Value> {
  readonly url: string;
  readonly operationId: string;
  readonly summary: string;
  readonly body: Body;
  readonly answer: Answer;
  /** `now`: when the request arrived, Unix milliseconds. */
  readonly ask: (body: z.output<Body>, now: number) => Operation<Value>;
  readonly respond: (value: Value) => z.input<Answer>;
}

/** Infers the types of a {@link Route}. */
const route = <Body extends z.ZodType, Answer extends z.ZodType, Value>(
  parts: Route<Body, Answer, Value>,
): Route<Body, Answer, Value> => parts;

const connection = { user_id: field.user_id, platform: field.platform };
const answeredConnection = { user_id: z.string(), platform: z.string() };

export const storeTokenRoute = route({
  url: '/store_token',
  operationId: 'storeToken',
  summary: 'Store the credentials of one connection; existing ones are replaced',
  body: z
    .strictObject({
      ...connection,
      access_token: field.token,
      refresh_token: field.token.nullish(),
      expires_at: field.unixSeconds.nullish(),
      expires_in: field.seconds
        .nullish()
        .describe('As in a token response: seconds from now. Not together with expires_at'),
      scopes: field.givenScopes.nullish(),
      token_type: z.string().nullish(),
      refresh_expires_at: field.unixSeconds.nullish(),
      params: field.params.nullish(),
      flow_id: z.string().nullish(),
      allow_account_change: z
        .boolean()
        .nullish()
        .describe("Whether the credentials may belong to another account of the platform than the connection's"),
    })
    .refine(({ expires_at, expires_in }) => expires_at == null || expires_in == null, {
      path: ['expires_in'],
      message: 'expected without expires_at',
    }),
  answer: z.object({ ...answeredConnection, token_version: field.version, revision: field.version }),
  ask: (body, now) =>
    storeToken({
      userId: body.user_id,
      platform: body.platform,
      accessToken: body.access_token,
      refreshToken: body.refresh_token,
      expiresAt: field.expiryOf(body, now),
      scopes: field.scopeList(body.scopes),
      tokenType: body.token_type ?? undefined,
      refreshExpiresAt: field.timeOf(body.refresh_expires_at),
      params: body.params ?? undefined,
      flowId: body.flow_id,
      allowAccountChange: body.allow_account_change ?? undefined,
    }),
  respond: ({ userId, platform, tokenVersion, revision }) => ({
    user_id: userId,
    platform,
    token_version: tokenVersion,
    revision,
  }),
});

export const getTokenRoute = route({
  url: '/get_token',
  operationId: 'getToken',
  summary: 'Get a usable access token',
  body: z.strictObject({
    ...connection,
    min_validity_seconds: field.seconds.nullish(),
    rejected_version: field.version.nullish(),
  }),
  answer: z.object({
    ...answeredConnection,
    access_token: z.string(),
    token_type: z.string(),
    expires_at: field.nullableSeconds,
    scopes: field.scopes,
    token_version: field.version,
    params: field.params,
    warning: z.string().nullable(),
  }),
  ask: (body) =>
    getToken({
      userId: body.user_id,
      platform: body.platform,
      minValiditySeconds: body.min_validity_seconds,
      rejectedVersion: body.rejected_version,
    }),
  respond: (token) => ({
    user_id: token.userId,
    platform: token.platform,
    access_token: token.accessToken,
    token_type: token.tokenType,
    expires_at: field.secondsOf(token.expiresAt),
    scopes: [...token.scopes],
    token_version: token.tokenVersion,
    params: token.params,
    warning: token.warning,
  }),
});

export const revokeTokenRoute = route({
  url: '/revoke_token',
  operationId: 'revokeToken',
  summary: 'Revoke one connection: end its grant at the provider and delete its credentials',
  body: z.strictObject(connection),
  answer: z.object({
    ...answeredConnection,
    revision: field.version,
    provider_outcome: z.string().nullable().describe('The result at the provider: revoked, not_supported or failed'),
    provider_reason: z.string().nullable().describe('Why the revocation failed; null otherwise'),
  }),
  ask: (body) => revokeToken({ userId: body.user_id, platform: body.platform }),
  respond: ({ userId, platform, revision, providerOutcome, providerReason }) => ({
    user_id: userId,
    platform,
    revision,
    provider_outcome: providerOutcome,
    provider_reason: providerReason,
  }),
});

export const startConnectionRoute = route({
  url: '/start_connection',
  operationId: 'startConnection',
  summary: 'Record that a user has begun to connect a platform',
  body: z.strictObject({
    user_id: field.user_id,
    platform: field.platform,
    flow_id: field.flow_id.nullish(),
  }),
  answer: z.object({
    user_id: z.string(),
    platform: z.string(),
    flow_id: z.string(),
    expires_at: field.unixSeconds.describe('When the flow counts as abandoned, Unix seconds'),
    revision: field.version,
  }),
  ask: (body) => startConnection({ userId: body.user_id, platform: body.platform, flowId: body.flow_id }),
  respond: ({ userId, platform, flowId, expiresAt, revision }) => ({
    user_id: userId,
    platform,
    flow_id: flowId,
    expires_at: field.wholeSecondsOf(expiresAt),
    revision,
  }),
});

const connectedPlatform = z.object({
  platform: z.string().describe('The display name of the platform, e.g. Gmail'),
  platform_id: z.string(),
  status: z.enum(['active', 'expired', 'missing']),
  suggested_action: z.enum(['none', 'reauth', 'retry', 'connect', 'resume']),
  reason: z.string().nullable(),
  expires_at: field.nullableSeconds,
  lapses_at: field.nullableSeconds.describe('When the grant ends and the user has to connect again, Unix seconds'),
  scopes: field.scopes,
});

export const getStatusRoute = route({
  url: '/get_status',
  operationId: 'getStatus',
  summary: "Get the status of a user's connections on every granted platform",
  body: z.strictObject({ user_id: field.user_id }),
  answer: z.object({
    user_id: z.string(),
    revision: field.version,
    connected_platforms: z.array(connectedPlatform),
  }),
  ask: (body) => getStatus({ userId: body.user_id }),
  respond: ({ userId, revision, platforms }) => ({
    user_id: userId,
    revision,
    connected_platforms: platforms.map(platformAnswer),
  }),
});

/** `UNKNOWN` is a status that a newer vault has added: no usable token can be assumed. */
const STATUS = { CONNECTED: 'active', EXPIRED: 'expired', MISSING: 'missing', UNKNOWN: 'expired' } as const;

const ACTION = { NONE: 'none', REAUTH: 'reauth', RETRY: 'retry', CONNECT: 'connect', RESUME: 'resume' } as const;

const platformAnswer = (platform: PlatformStatus): z.input<typeof connectedPlatform> => ({
  platform: platform.displayName,
  platform_id: platform.platform,
  status: STATUS[platform.status],
  suggested_action: ACTION[platform.suggestedAction],
  reason: platform.reason,
  expires_at: field.secondsOf(platform.expiresAt),
  lapses_at: field.secondsOf(platform.lapsesAt),
  scopes: [...platform.scopes],
});

export const forgetUserRoute = route({
  url: '/forget_user',
  operationId: 'forgetUser',
  summary: 'Delete all data of a user',
  body: z.strictObject({ user_id: field.user_id }),
  answer: z.object({ user_id: z.string(), connections: z.int() }),
  ask: (body) => forgetUser({ userId: body.user_id }),
  respond: ({ userId, connections }) => ({ user_id: userId, connections }),
});
