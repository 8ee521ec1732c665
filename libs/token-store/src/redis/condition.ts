import type { Condition } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { isObject, isText, isWhole, parseJson } from './json.ts';

/**
 * A condition as JSON.
 *
 * @throws RangeError where a number would not be read back
 */
export const conditionText = (condition: Condition): string => {
  const copy = conditionOf({ ...condition });
  if (copy === null) throw new RangeError('a condition with a number that is not whole');
  return JSON.stringify(copy);
};

/** Reads back {@link conditionText}. A row of before there were conditions has no such field, and is good. */
export const parseCondition = (field: Buffer | null): Condition => {
  if (field === null) return { kind: 'good' };
  const value = parseJson(field, 'condition');
  const condition = isObject(value) ? conditionOf(value) : null;
  if (condition === null) throw new BrokenRow('record', 'condition has another shape');
  return condition;
};

/** The condition that `value` is, without whatever else it holds. */
const conditionOf = (value: Record<string, unknown>): Condition | null => {
  const { kind, reason, since, failures, retryAt } = value;
  if (kind === 'good') return { kind };
  if (!isText(reason) || !isWhole(since)) return null;
  if (kind === 'dead') return { kind, reason, since };
  if (kind !== 'failing' || !isWhole(failures) || !isWhole(retryAt)) return null;
  return { kind, reason, since, failures, retryAt };
};
