import { ciphertext } from '@vault-engine/crypto';
import {
  BrokenRow,
  type ConnectionMetadata,
  type ConnectionRecord,
  type DedupeRecord,
  type Flow,
  type Lease,
  platformId,
  type UserRow,
} from '@vault-engine/vault';
import { conditionText, grantText, parseCondition, parseGrant } from './condition.ts';
import {
  type Fields,
  integerText,
  isObject,
  isText,
  isWhole,
  isWholeOrNull,
  parseInteger,
  parseJson,
  present,
} from './parse-fields.ts';

const KID_BYTES = 16;

/**
 * The hash fields of a record that a put writes: name, value, name, value, … Without the lease, which has scripts of its
 * own. A put leaves other fields of the hash unchanged.
 */
export const recordFields = (record: ConnectionRecord): (string | Buffer)[] => [
  'version',
  integerText(record.version),
  'token_version',
  integerText(record.tokenVersion),
  'stored_at',
  integerText(record.storedAt),
  'metadata',
  metadataText(record.metadata),
  'access',
  record.access,
  // The empty string means no refresh token: it overwrites an older one, and a ciphertext is never empty.
  'refresh',
  record.refresh ?? '',
  'condition',
  conditionText(record.condition),
  'grant',
  grantText(record.grant),
  'told',
  record.lastPublishedStatus,
];

/** The record in `fields`; null: the hash does not exist. */
export const parseRecord = (fields: Fields): ConnectionRecord | null => {
  if (fields.every((field) => field === null)) return null;
  const [version, tokenVersion, stored, metadata, access, refresh, condition, grant, lastPublishedStatus, ...lease] =
    fields;
  const storedAt = parseInteger('record', stored);
  const sealed = present('record', access);
  if (sealed.length === 0) throw new BrokenRow('record', 'access is empty');
  const refreshSealed = present('record', refresh);
  return {
    version: parseInteger('record', version),
    tokenVersion: parseInteger('record', tokenVersion),
    storedAt,
    metadata: parseMetadata(present('record', metadata)),
    access: ciphertext(sealed),
    refresh: refreshSealed.length === 0 ? null : ciphertext(refreshSealed),
    condition: parseCondition(condition ?? null),
    grant: parseGrant(grant ?? null, storedAt),
    lastPublishedStatus: lastPublishedStatus?.toString() ?? '',
    lease: parseLease(lease),
  };
};

/** The lease in `fields` (owner, until, phase); null: no lease. */
export const parseLease = ([owner = null, until, phase]: Fields): Lease | null => {
  if (owner === null) return null;
  return { owner: owner.toString(), until: parseInteger('record', until), phase: parsePhase(present('record', phase)) };
};

const parsePhase = (field: Buffer): Lease['phase'] => {
  const phase = field.toString();
  if (phase !== 'claimed' && phase !== 'called') throw new BrokenRow('record', 'an unknown lease phase');
  return phase;
};

/** The user's row in `fields` (revision, kid, wrapped); null: no row. */
export const parseUser = ([revision, kid, wrapped]: Fields): UserRow | null => {
  if (revision === null && kid === null && wrapped === null) return null;
  const dataKey = { kid: present('user', kid), wrapped: present('user', wrapped) };
  if (dataKey.kid.length !== KID_BYTES) throw new BrokenRow('user', 'kid is not 16 bytes');
  if (dataKey.wrapped.length === 0) throw new BrokenRow('user', 'wrapped is empty');
  return { revision: parseInteger('user', revision), dataKey };
};

/** The open flows of a user as JSON. */
export const flowsText = (flows: readonly Flow[]): string =>
  JSON.stringify(flows.map(({ id, platform, startedAt, expiresAt }) => ({ id, platform, startedAt, expiresAt })));

/** Reads back {@link flowsText}. Null: the user has never started a flow. */
export const parseFlows = (field: Buffer | null): readonly Flow[] => {
  if (field === null) return [];
  const value = parseJson(field, 'flows');
  if (!Array.isArray(value)) throw new BrokenRow('user', 'flows is not a list');
  return value.map(flowOf);
};

const flowOf = (value: unknown): Flow => {
  const { id, platform: name, startedAt, expiresAt } = isObject(value) ? value : {};
  const platform = isText(name) ? platformId(name) : null;
  if (!isText(id) || platform === null || !isWhole(startedAt) || !isWhole(expiresAt))
    throw new BrokenRow('user', 'a flow has an unknown shape');
  return { id, platform, startedAt, expiresAt };
};

/** The dedupe record in `fields` (mac, outcome); null: no dedupe record. */
export const parseDedupeRecord = ([mac, outcome]: Fields): DedupeRecord | null => {
  if (mac === null && outcome === null) return null;
  return { mac: present('dedupe', mac), outcome: present('dedupe', outcome).toString() };
};

const metadataText = (metadata: ConnectionMetadata): string =>
  JSON.stringify({
    tokenType: metadata.tokenType,
    scopes: metadata.scopes,
    expiresAt: metadata.expiresAt,
    refreshExpiresAt: metadata.refreshExpiresAt,
    params: metadata.params,
  });

const parseMetadata = (field: Buffer): ConnectionMetadata => {
  const value = parseJson(field, 'metadata');
  if (!isObject(value)) throw new BrokenRow('record', 'metadata is not an object');
  const { tokenType, scopes, expiresAt, refreshExpiresAt, params } = value;
  if (
    !isText(tokenType) ||
    !isTexts(scopes) ||
    !isWholeOrNull(expiresAt) ||
    !isWholeOrNull(refreshExpiresAt) ||
    !isParams(params)
  ) {
    throw new BrokenRow('record', 'metadata has an unknown shape');
  }
  return { tokenType, scopes, expiresAt, refreshExpiresAt, params };
};

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isParams = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every(isText);
