import { isRecord } from '@vault-engine/contracts';
import type { Operation } from './operation.ts';

/** Which platform the user has begun to connect. */
export interface StartConnectionInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** A name for the flow, 1–128 of `A-Z a-z 0-9 . _ ~ : -`, no secret; without it the vault makes one. */
  readonly flowId?: string | null | undefined;
}

/** What starting answers. */
export interface StartedConnection {
  readonly userId: string;
  readonly platform: string;
  /** Names the flow. */
  readonly flowId: string;
  /** When the flow counts as abandoned, unless a token is stored before. */
  readonly expiresAt: Date;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** Notes that the user has begun to connect a platform, in the place of a flow that was open there. */
export const startConnection = ({ userId, platform, flowId }: StartConnectionInput): Operation<StartedConnection> => ({
  command: 'StartConnection',
  reply: 'ConnectionStarted',
  user: userId,
  encode: (codec) => codec.encode('StartConnection', { user_id: userId, platform, flow_id: flowId ?? null }),
  read: (reply) =>
    isRecord(reply, 'ConnectionStarted')
      ? {
          userId: reply.value.user_id,
          platform: reply.value.platform,
          flowId: reply.value.flow_id,
          expiresAt: new Date(reply.value.expires_at),
          revision: reply.value.revision,
        }
      : null,
});
