import type { EnginePolicy } from '@vault-engine/engines';

/**
 * What sets two policies apart, a line each: rates as `old → new`, rights that come with `+` and that go with `-`.
 * `from` is null for an engine that is new.
 */
export const policyChanges = (from: EnginePolicy | null, to: EnginePolicy): readonly string[] => {
  const [had, has] = [rightsOf(from?.grants ?? []), rightsOf(to.grants)];
  return [
    ...rateChange(from, to),
    ...[...has].filter((right) => !had.has(right)).map((right) => `+ ${right}`),
    ...[...had].filter((right) => !has.has(right)).map((right) => `- ${right}`),
  ];
};

const rateChange = (from: EnginePolicy | null, to: EnginePolicy): readonly string[] => {
  if (from === null) return [`rate ${rateText(to)}`];
  return rateText(from) === rateText(to) ? [] : [`rate ${rateText(from)} → ${rateText(to)}`];
};

/** A rate as people read it. */
export const rateText = ({ rate }: Pick<EnginePolicy, 'rate'>): string => `${rate.perSecond}/s, burst ${rate.burst}`;

const rightsOf = (grants: EnginePolicy['grants']): ReadonlySet<string> =>
  new Set(
    grants.flatMap(({ operations, platforms }) =>
      operations.flatMap((operation) => platforms.map((platform) => `${operation} on ${platform}`)),
    ),
  );
