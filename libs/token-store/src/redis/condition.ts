import { BrokenRow, type Condition, type DeadReason, type FailingReason, type Grant } from '@vault-engine/vault';
import { isObject, isText, isWhole, isWholeOrNull, parseJson } from './parse-fields.ts';

/**
 * A condition as JSON. Fields that came later are left out where they say nothing, and earlier versions skip them. A reason that
 * earlier versions do not know stands in `actualReason`, beside one that they know.
 *
 * @throws RangeError for a number that JSON would not return exactly
 */
export const conditionText = (condition: Condition): string => {
  const copy = conditionOf({ ...condition });
  if (copy === null) throw new RangeError('a condition has a number that is not an integer within ±(2^52 - 1)');
  const before = reasonBefore(copy);
  return JSON.stringify(
    before === null ? copy : { ...copy, reason: before, ...('reason' in copy && { actualReason: copy.reason }) },
  );
};

/** The reason that earlier versions read instead of a newer one; null where they know it. */
const reasonBefore = (condition: Condition): DeadReason | FailingReason | null => {
  if (condition.kind === 'dead') return isOneOf(DEAD_BEFORE, condition.reason) ? null : 'grant_refused';
  return condition.kind === 'failing' && !isOneOf(FAILING_BEFORE, condition.reason) ? 'provider_unavailable' : null;
};

/** Reads back {@link conditionText}. Rows of the first release have no such field; their condition is `good`. */
export const parseCondition = (field: Buffer | null): Condition => {
  if (field === null) return { kind: 'good' };
  const value = parseJson(field, 'condition');
  const condition = isObject(value) ? conditionOf(value) : null;
  if (condition === null) throw new BrokenRow('record', 'condition has an unknown shape');
  return condition;
};

/** The condition in `value`, without fields that are not part of one; null: an unknown shape. */
const conditionOf = (value: Record<string, unknown>): Condition | null => {
  const { kind, since, failures, retryAt, unknownSince = null, recheckAt } = value;
  const reason = value['actualReason'] ?? value['reason'];
  if (kind === 'good' || kind === 'none') return { kind };
  if (!isWhole(since)) return null;
  const answer = answerOf(value['answer']);
  if (kind === 'dead') {
    if (!isOneOf(DEAD, reason) || (recheckAt !== undefined && !isWhole(recheckAt))) return null;
    return { kind, reason, since, ...(recheckAt !== undefined && { recheckAt }), ...(answer && { answer }) };
  }
  if (kind !== 'failing' || !isWhole(failures) || !isWhole(retryAt)) return null;
  const suspicion = suspicionOf(value['suspicion']);
  return isOneOf(FAILING, reason) && isWholeOrNull(unknownSince)
    ? {
        kind,
        reason,
        since,
        failures,
        retryAt,
        unknownSince,
        ...(suspicion && { suspicion }),
        ...(answer && { answer }),
      }
    : null;
};

const suspicionOf = (value: unknown): { since: number; lastAt: number } | null => {
  if (!isObject(value)) return null;
  const { since, lastAt } = value;
  return isWhole(since) && isWhole(lastAt) ? { since, lastAt } : null;
};

const answerOf = (value: unknown): { status: number; code: string | null } | null => {
  if (!isObject(value)) return null;
  const { status, code } = value;
  return isWhole(status) && (code === null || isText(code)) ? { status, code } : null;
};

/** The reasons that every version reads. */
const DEAD_BEFORE: readonly DeadReason[] = ['grant_refused', 'outcome_unknown'];
const DEAD: readonly DeadReason[] = [...DEAD_BEFORE, 'reported_revoked'];
const FAILING_BEFORE: readonly FailingReason[] = [
  'provider_unavailable',
  'provider_throttles',
  'provider_misconfigured',
  'outcome_unknown',
];
const FAILING: readonly FailingReason[] = [...FAILING_BEFORE, 'grant_refused'];

const isOneOf = <T extends string>(list: readonly T[], value: unknown): value is T =>
  list.some((item) => item === value);

/**
 * A grant as JSON. The stored name of `refreshedAt` is `renewedAt`.
 *
 * @throws RangeError for a number that JSON would not return exactly
 */
export const grantText = (grant: Grant): string => {
  const { refreshedAt: renewedAt, ...others } = grant;
  const fields = { ...others, renewedAt };
  if (grantOf(fields) === null) throw new RangeError('a grant has a number that is not an integer within ±(2^52 - 1)');
  return JSON.stringify(fields);
};

/** Reads back {@link grantText}. Rows of the first release have no such field; their grant begins at `storedAt`. */
export const parseGrant = (field: Buffer | null, storedAt: number): Grant => {
  if (field === null) return { since: storedAt, endsAt: null, refreshedAt: null, account: null };
  const value = parseJson(field, 'grant');
  const grant = isObject(value) ? grantOf(value) : null;
  if (grant === null) throw new BrokenRow('record', 'grant has an unknown shape');
  return grant;
};

const grantOf = ({
  since,
  endsAt,
  renewedAt: refreshedAt,
  account,
  ...later
}: Record<string, unknown>): Grant | null =>
  isWhole(since) && isWholeOrNull(endsAt) && isWholeOrNull(refreshedAt) && (account === null || isText(account))
    ? { since, endsAt, refreshedAt, account, ...laterFieldsOf(later) }
    : null;

/** Fields that came later. Earlier versions skip them. */
const laterFieldsOf = ({
  client,
  rotation,
  rejection,
  deadAtBirth,
  endIsStated,
}: Record<string, unknown>): Partial<Grant> => {
  const known = rejectionOf(rejection);
  return {
    ...(isText(client) && { client }),
    ...(isOneOf(ROTATIONS, rotation) && { rotation }),
    ...(known !== null && { rejection: known }),
    ...(isWhole(deadAtBirth) && { deadAtBirth }),
    ...(endIsStated === true && { endIsStated }),
  };
};

const rejectionOf = (value: unknown): NonNullable<Grant['rejection']> | null => {
  if (!isObject(value)) return null;
  const { version, engine, at, confirmedAt } = value;
  if (!isWhole(version) || !isText(engine) || !isWhole(at)) return null;
  return { version, engine, at, ...(isWhole(confirmedAt) && { confirmedAt }) };
};

const ROTATIONS = ['kept', 'rotated'] as const;
