import { getStatus, type PlatformStatus } from '@vault-engine/client';
import * as z from 'zod';
import * as field from './fields.ts';
import { route } from './route.ts';
import { secondsOf } from './unix-seconds.ts';

const connectedPlatform = z.object({
  platform: z.string().describe('The name that people know the platform by, e.g. Gmail'),
  platform_id: z.string(),
  status: z.enum(['active', 'expired', 'missing']),
  suggested_action: z.enum(['none', 'reauth', 'retry', 'connect', 'resume']),
  reason: z.string().nullable(),
  expires_at: field.nullableSeconds,
  lapses_at: field.nullableSeconds.describe('When the connection can not go on without the user, Unix seconds'),
  scopes: field.scopes,
});

export const getStatusRoute = route({
  url: '/get_status',
  summary: "How a user's connections stand, on every platform that the engine may see",
  body: z.strictObject({ user_id: field.user_id }),
  answer: z.object({
    user_id: z.string(),
    revision: field.version,
    connected_platforms: z.array(connectedPlatform),
  }),
  ask: (body) => getStatus({ userId: body.user_id }),
  tell: ({ userId, revision, platforms }) => ({
    user_id: userId,
    revision,
    connected_platforms: platforms.map(tellPlatform),
  }),
});

/** `UNKNOWN` is a status that came after this gateway: a usable token can't be counted on. */
const STATUS = { CONNECTED: 'active', EXPIRED: 'expired', MISSING: 'missing', UNKNOWN: 'expired' } as const;

const ACTION = { NONE: 'none', REAUTH: 'reauth', RETRY: 'retry', CONNECT: 'connect', RESUME: 'resume' } as const;

const tellPlatform = (platform: PlatformStatus): z.input<typeof connectedPlatform> => ({
  platform: platform.displayName,
  platform_id: platform.platform,
  status: STATUS[platform.status],
  suggested_action: ACTION[platform.suggestedAction],
  reason: platform.reason,
  expires_at: secondsOf(platform.expiresAt),
  lapses_at: secondsOf(platform.lapsesAt),
  scopes: [...platform.scopes],
});
