import { type Flow, platformId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { isObject, isText, isWhole, parseJson } from './json.ts';

/** The open flows of a user as JSON. */
export const flowsText = (flows: readonly Flow[]): string =>
  JSON.stringify(flows.map(({ id, platform, startedAt, expiresAt }) => ({ id, platform, startedAt, expiresAt })));

/** Reads back {@link flowsText}. A user who has never started one has no such field. */
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
    throw new BrokenRow('user', 'a flow has another shape');
  return { id, platform, startedAt, expiresAt };
};
