import { forgetUser, getToken, revokeToken, storeToken } from '@vault-engine/client';
import * as z from 'zod';
import * as field from './fields.ts';
import { route } from './route.ts';
import { secondsOf, timeOf } from './unix-seconds.ts';

const place = { user_id: field.user_id, platform: field.platform };
const answeredPlace = { user_id: z.string(), platform: z.string() };

export const storeTokenRoute = route({
  url: '/store_token',
  summary: 'Store the credentials of one connection, new or in place of the old ones',
  body: z.strictObject({
    ...place,
    access_token: field.token,
    refresh_token: field.token.nullish(),
    expires_at: field.unixSeconds.nullish(),
    scopes: field.scopes,
    token_type: z.string().nullish(),
    refresh_expires_at: field.unixSeconds.nullish(),
    params: field.params.nullish(),
    flow_id: z.string().nullish(),
    allow_account_change: z
      .boolean()
      .nullish()
      .describe("Whether the credentials may be of another account of the platform than the connection's"),
  }),
  answer: z.object({ ...answeredPlace, token_version: field.version, revision: field.version }),
  ask: (body) =>
    storeToken({
      userId: body.user_id,
      platform: body.platform,
      accessToken: body.access_token,
      refreshToken: body.refresh_token,
      expiresAt: timeOf(body.expires_at),
      scopes: body.scopes,
      tokenType: body.token_type ?? undefined,
      refreshExpiresAt: timeOf(body.refresh_expires_at),
      params: body.params ?? undefined,
      flowId: body.flow_id,
      allowAccountChange: body.allow_account_change ?? undefined,
    }),
  tell: ({ userId, platform, tokenVersion, revision }) => ({
    user_id: userId,
    platform,
    token_version: tokenVersion,
    revision,
  }),
});

export const getTokenRoute = route({
  url: '/get_token',
  summary: 'Get a usable access token',
  body: z.strictObject({
    ...place,
    min_validity_seconds: field.seconds.nullish(),
    rejected_version: field.version.nullish(),
  }),
  answer: z.object({
    ...answeredPlace,
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
  tell: (token) => ({
    user_id: token.userId,
    platform: token.platform,
    access_token: token.accessToken,
    token_type: token.tokenType,
    expires_at: secondsOf(token.expiresAt),
    scopes: [...token.scopes],
    token_version: token.tokenVersion,
    params: token.params,
    warning: token.warning,
  }),
});

export const revokeTokenRoute = route({
  url: '/revoke_token',
  summary: 'Revoke one connection: end its grant at the provider and delete its credentials',
  body: z.strictObject(place),
  answer: z.object({
    ...answeredPlace,
    revision: field.version,
    provider_outcome: z
      .string()
      .nullable()
      .describe('What became of the grant at the provider: revoked, not_supported or failed'),
    provider_reason: z.string().nullable().describe('Why it failed; null where it did not'),
  }),
  ask: (body) => revokeToken({ userId: body.user_id, platform: body.platform }),
  tell: ({ userId, platform, revision, providerOutcome, providerReason }) => ({
    user_id: userId,
    platform,
    revision,
    provider_outcome: providerOutcome,
    provider_reason: providerReason,
  }),
});

export const forgetUserRoute = route({
  url: '/forget_user',
  summary: 'Delete everything that the vault holds of a user',
  body: z.strictObject({ user_id: field.user_id }),
  answer: z.object({ user_id: z.string(), connections: z.int() }),
  ask: (body) => forgetUser({ userId: body.user_id }),
  tell: ({ userId, connections }) => ({ user_id: userId, connections }),
});
