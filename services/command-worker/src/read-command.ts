import {
  type CommandName,
  type Decoded,
  type DecodedRecord,
  isCommandName,
  type StoreToken as StoreTokenRecord,
} from '@vault-engine/contracts';
import { openFromEngine } from '@vault-engine/protocol';
import {
  type Credentials,
  checkCredentials,
  type Failure,
  isFlowId,
  type PlatformId,
  platformId,
  refuse,
  type StartConnection,
  type StoreToken,
  type UserId,
  userId,
} from '@vault-engine/vault';
import { admitPlatform } from './admit.ts';
import type { Authenticated } from './receive.ts';

/** A command in the domain's terms. */
export type Command =
  | ({ readonly type: 'StoreToken' } & StoreToken)
  | {
      readonly type: 'GetToken';
      readonly user: UserId;
      readonly platform: PlatformId;
      readonly minValiditySeconds: number | null;
      readonly rejectedVersion: number | null;
    }
  | { readonly type: 'RevokeToken'; readonly user: UserId; readonly platform: PlatformId }
  | ({ readonly type: 'StartConnection' } & StartConnection)
  | { readonly type: 'GetStatus' | 'ForgetUser'; readonly user: UserId; readonly platform: null };

/** A command, or why it is refused. */
export type ReadCommand =
  | { readonly ok: true; readonly command: Command }
  | {
      readonly ok: false;
      readonly failure: Failure;
      /** The value can never be decoded, and goes to the dead-letter topic with this reason; null: it does not. */
      readonly poison: string | null;
      /** The platform that a refused command names, for the audit log; null: none, or none that could be read. */
      readonly platform: PlatformId | null;
    };

type CommandRecord = DecodedRecord<CommandName>;

/**
 * Checks the record of a command: its type has to be the header's, its user the message key's, and the operation granted on
 * its platform. Only then are its tokens unsealed.
 */
export const readCommand = (decoded: Decoded, from: Authenticated): ReadCommand => {
  if (!decoded.ok)
    return {
      ...refuse('invalid_request', 'the record cannot be decoded; check its schema id and encoding', decoded.reason),
      poison: decoded.reason,
      platform: null,
    };
  if (!isCommand(decoded)) return invalid('the record is not a command', 'not_a_command');
  if (decoded.name !== from.headers.commandType)
    return invalid('x-command-type is not the type of the record', 'type_mismatch');
  const user = userId(decoded.value.user_id);
  if (user === null)
    return invalid('user_id is malformed; expected 1 to 128 of A-Z a-z 0-9 . _ @ | + -', 'invalid_field');
  if (!from.key.equals(Buffer.from(user))) return invalid('the message key is not the user id', 'key_mismatch');
  return commandOf(from, decoded, user);
};

const isCommand = (decoded: DecodedRecord): decoded is CommandRecord => isCommandName(decoded.name);

const invalid = (message: string, reason: string): ReadCommand => ({
  ...refuse('invalid_request', message, reason),
  poison: null,
  platform: null,
});

const commandOf = (from: Authenticated, decoded: CommandRecord, user: UserId): ReadCommand => {
  switch (decoded.name) {
    case 'GetStatus':
    case 'ForgetUser': {
      const failure = admitPlatform(from, decoded.name, null);
      return failure === null
        ? { ok: true, command: { type: decoded.name, user, platform: null } }
        : { ok: false, failure, poison: null, platform: null };
    }
    case 'StoreToken':
    case 'GetToken':
    case 'RevokeToken':
    case 'StartConnection': {
      const platform = platformId(decoded.value.platform);
      if (platform === null)
        return invalid('platform is malformed; expected a platform id, e.g. google-calendar', 'invalid_field');
      const failure = admitPlatform(from, decoded.name, platform);
      return failure === null
        ? onPlatform(from, decoded, user, platform)
        : { ok: false, failure, poison: null, platform };
    }
  }
};

const onPlatform = (
  from: Authenticated,
  decoded: Extract<CommandRecord, { name: 'StoreToken' | 'GetToken' | 'RevokeToken' | 'StartConnection' }>,
  user: UserId,
  platform: PlatformId,
): ReadCommand => {
  switch (decoded.name) {
    case 'RevokeToken':
      return { ok: true, command: { type: 'RevokeToken', user, platform } };
    case 'GetToken': {
      const { min_validity_seconds: minValiditySeconds, rejected_version: rejectedVersion } = decoded.value;
      if (minValiditySeconds !== null && minValiditySeconds < 0)
        return invalid('min_validity_seconds is negative', 'invalid_field');
      return { ok: true, command: { type: 'GetToken', user, platform, minValiditySeconds, rejectedVersion } };
    }
    case 'StartConnection': {
      const { flow_id: flowId } = decoded.value;
      if (flowId !== null && !isFlowId(flowId))
        return invalid('flow_id is malformed; expected 1 to 128 of A-Z a-z 0-9 . _ ~ : -', 'invalid_field');
      return { ok: true, command: { type: 'StartConnection', user, platform, flowId } };
    }
    case 'StoreToken':
      return storeOf(from, decoded.value, user, platform);
  }
};

const storeOf = (from: Authenticated, record: StoreTokenRecord, user: UserId, platform: PlatformId): ReadCommand => {
  const at = { topic: from.record.topic, commandId: from.headers.commandId, commandType: 'StoreToken', user, platform };
  const access = openFromEngine(from.keys, { ...at, field: 'access_token' }, record.access_token);
  if (!access.ok) return invalid('access_token is not sealed for this engine, command and user', 'seal');
  const refresh =
    record.refresh_token === null
      ? null
      : openFromEngine(from.keys, { ...at, field: 'refresh_token' }, record.refresh_token);
  if (refresh?.ok === false) return invalid('refresh_token is not sealed for this engine, command and user', 'seal');
  const { token_type: tokenType, scopes, expires_at: expiresAt, refresh_expires_at: refreshExpiresAt, params } = record;
  const credentials: Credentials = {
    access: access.value,
    refresh: refresh?.value ?? null,
    metadata: { tokenType, scopes, expiresAt, refreshExpiresAt, params },
  };
  const { allow_account_change: allowAccountChange } = record;
  const failure = checkCredentials(credentials);
  return failure === null
    ? { ok: true, command: { type: 'StoreToken', user, platform, ...credentials, allowAccountChange } }
    : { ok: false, failure, poison: null, platform };
};
