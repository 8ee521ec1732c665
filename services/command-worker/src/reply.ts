import type { Headers, Outgoing } from '@vault-engine/bus';
import type { Codec, Records, ReplyName } from '@vault-engine/contracts';
import { encodeReplyHeaders, HEADER, sealForEngine, signReply } from '@vault-engine/protocol';
import { ERRORS, type Failure } from '@vault-engine/vault';
import type { Executed } from './execute.ts';
import type { Command } from './read-command.ts';
import type { Authenticated } from './receive.ts';
import type { ReplyAddress } from './reply-address.ts';

/** The record of a reply. */
export type ReplyRecord = {
  readonly [Name in ReplyName]: { readonly type: Name; readonly value: Records[Name] };
}[ReplyName];

/** The record that answers an executed command. The access token is sealed for the engine that asked, and wiped. */
export const recordOf = (
  from: Authenticated,
  command: Command,
  executed: Executed,
  address: ReplyAddress,
): ReplyRecord => {
  const user_id = command.user;
  switch (executed.type) {
    case 'TokenStored': {
      const { platform, tokenVersion: token_version, revision } = executed.value;
      return { type: 'TokenStored', value: { user_id, platform, token_version, revision } };
    }
    case 'TokenRevoked': {
      const { platform, revision, provider } = executed.value;
      const outcome = { provider_outcome: provider?.outcome ?? null, provider_reason: provider?.reason ?? null };
      return { type: 'TokenRevoked', value: { user_id, platform, revision, ...outcome } };
    }
    case 'ConnectionStarted': {
      const { platform, flowId: flow_id, expiresAt: expires_at, revision } = executed.value;
      return { type: 'ConnectionStarted', value: { user_id, platform, flow_id, expires_at, revision } };
    }
    case 'UserForgotten':
      return { type: 'UserForgotten', value: { user_id, ...executed.value } };
    case 'TokenIssued':
      return { type: 'TokenIssued', value: issued(from, user_id, executed.value, address) };
    case 'StatusSnapshot':
      return {
        type: 'StatusSnapshot',
        value: {
          user_id,
          revision: executed.value.revision,
          connections: executed.value.platforms.map(platformStatus),
        },
      };
  }
};

const issued = (
  { keys, headers }: Authenticated,
  user_id: string,
  { platform, access, metadata, tokenVersion, warning }: Extract<Executed, { type: 'TokenIssued' }>['value'],
  { topic }: ReplyAddress,
): Records['TokenIssued'] => {
  const at = {
    replyTopic: topic,
    commandId: headers.commandId,
    replyType: 'TokenIssued',
    requestMac: headers.mac,
    field: 'access_token',
  };
  const sealed = sealForEngine(keys, at, access);
  access.wipe();
  return {
    user_id,
    platform,
    access_token: sealed,
    token_type: metadata.tokenType,
    expires_at: metadata.expiresAt,
    scopes: metadata.scopes,
    token_version: tokenVersion,
    params: metadata.params,
    warning,
  };
};

const platformStatus = (
  platform: Extract<Executed, { type: 'StatusSnapshot' }>['value']['platforms'][number],
): Records['StatusSnapshot']['connections'][number] => ({
  platform: platform.platform,
  display_name: platform.displayName,
  status: platform.status,
  suggested_action: platform.action,
  reason: platform.reason,
  expires_at: platform.expiresAt,
  lapses_at: platform.lapsesAt,
  scopes: platform.scopes,
});

/** The record of a refusal or a failure. */
export const failureRecord = ({
  code,
  message,
  retryAfterMs,
}: Failure): Extract<ReplyRecord, { type: 'CommandFailed' }> => ({
  type: 'CommandFailed',
  value: { error_code: code, message, suggested_action: ERRORS[code].action, retry_after_ms: retryAfterMs ?? null },
});

/** The W3C trace context of the command, handed on as it came: the vault makes no spans of its own. Not authenticated. */
const traceHeader = ({ traceparent }: Authenticated['headers']): Headers =>
  traceparent === null ? {} : { [HEADER.traceparent]: Buffer.from(traceparent) };

/** The message of a reply, signed under the key that signed the command. */
export const replyMessage = (
  codec: Pick<Codec, 'encode'>,
  { keys, headers, key }: Authenticated,
  { topic, partition }: ReplyAddress,
  record: ReplyRecord,
): Outgoing => {
  const value = codec.encode(record.type, record.value);
  const head = { replyTopic: topic, commandId: headers.commandId, replyType: record.type, requestMac: headers.mac };
  const signature = { kid: keys.kid, mac: signReply(keys, head, value) };
  return {
    topic,
    partition,
    key,
    value,
    headers: { ...encodeReplyHeaders(headers.correlation, record.type, signature), ...traceHeader(headers) },
  };
};
