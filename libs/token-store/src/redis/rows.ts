import { ciphertext } from '@vault-engine/crypto';
import type { ConnectionMetadata, ConnectionRecord, DedupeRecord, Lease, UserRow } from '@vault-engine/vault';
import { BrokenRow, type RowKind } from '../broken-row.ts';
import { conditionText, grantText, parseCondition, parseGrant } from './condition.ts';
import { isObject, isText, isWhole, parseJson } from './json.ts';

/** Fields as HMGET answers them, in the order in which a script asks for them. */
export type Fields = readonly (Buffer | null)[];

const KID_BYTES = 16;

/**
 * The hash fields of a record that a put writes, names and values by turns. Its lease is none of them: the scripts of the
 * lease write that. Fields of others in the same hash stay as they are.
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
  // A ciphertext is never empty, so the empty string can say that there is none and overwrite an older one.
  'refresh',
  record.refresh ?? '',
  'condition',
  conditionText(record.condition),
  'grant',
  grantText(record.grant),
  'told',
  record.lastPublishedStatus,
];

/** The record in `fields`, or null where there is no such hash. */
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

/** The lease in `fields` (owner, until, phase), or null where there is none. */
export const parseLease = ([owner = null, until, phase]: Fields): Lease | null => {
  if (owner === null) return null;
  return { owner: owner.toString(), until: parseInteger('record', until), phase: parsePhase(present('record', phase)) };
};

const parsePhase = (field: Buffer): Lease['phase'] => {
  const phase = field.toString();
  if (phase !== 'claimed' && phase !== 'called') throw new BrokenRow('record', 'a phase does not read');
  return phase;
};

/** The user's row in `fields` (revision, kid, wrapped), or null where there is none. */
export const parseUser = ([revision, kid, wrapped]: Fields): UserRow | null => {
  if (revision === null && kid === null && wrapped === null) return null;
  const dataKey = { kid: present('user', kid), wrapped: present('user', wrapped) };
  if (dataKey.kid.length !== KID_BYTES) throw new BrokenRow('user', 'kid is not 16 bytes');
  if (dataKey.wrapped.length === 0) throw new BrokenRow('user', 'wrapped is empty');
  return { revision: parseInteger('user', revision), dataKey };
};

/** What is remembered in `fields` (mac, outcome), or null where nothing is. */
export const parseDedupeRecord = ([mac, outcome]: Fields): DedupeRecord | null => {
  if (mac === null && outcome === null) return null;
  return { mac: present('dedupe', mac), outcome: present('dedupe', outcome).toString() };
};

/**
 * A non-negative integer in decimal, always the same text for the same number.
 *
 * @throws RangeError where it is none, or beyond 2^53
 */
export const integerText = (value: number): string => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a non-negative safe integer');
  return String(value);
};

/** Reads back {@link integerText}. */
const parseInteger = (kind: RowKind, field: Buffer | null | undefined): number => {
  const text = present(kind, field).toString('latin1');
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new BrokenRow(kind, 'a number does not read');
  return value;
};

const present = (kind: RowKind, field: Buffer | null | undefined): Buffer => {
  if (field === null || field === undefined) throw new BrokenRow(kind, 'a field is missing');
  return field;
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
  if (!isText(tokenType) || !isTexts(scopes) || !isTime(expiresAt) || !isTime(refreshExpiresAt) || !isParams(params)) {
    throw new BrokenRow('record', 'metadata has another shape');
  }
  return { tokenType, scopes, expiresAt, refreshExpiresAt, params };
};

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isTime = (value: unknown): value is number | null => value === null || isWhole(value);
const isParams = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every(isText);
