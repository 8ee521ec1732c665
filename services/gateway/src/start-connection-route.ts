import { startConnection } from '@vault-engine/client';
import * as z from 'zod';
import * as field from './fields.ts';
import { route } from './route.ts';
import { wholeSecondsOf } from './unix-seconds.ts';

export const startConnectionRoute = route({
  url: '/start_connection',
  summary: 'Note that a user has begun to connect a platform',
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
  tell: ({ userId, platform, flowId, expiresAt, revision }) => ({
    user_id: userId,
    platform,
    flow_id: flowId,
    expires_at: wholeSecondsOf(expiresAt),
    revision,
  }),
});
