import type * as z from 'zod';
import { isLoopbackHost } from './outbound/public-address.ts';
import type { ProfileFault } from './profile-fault.ts';
import { type ProfileContent, profileSchema } from './profile-schema.ts';
import type { Path, YamlFile } from './read-yaml.ts';
import { suggest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** Keys that people look for here, and where what they mean belongs. */
const ELSEWHERE = /^client_?(id|secret)$/i;

/**
 * The faults of one file for itself: what is written must be right. What is missing may come from a family, so it is
 * not asked for here.
 */
export const checkFile = (yaml: YamlFile): readonly ProfileFault[] => {
  if (yaml.faults.length > 0) return yaml.faults;
  const parsed = profileSchema.safeParse(yaml.data);
  if (parsed.success) return [];
  return parsed.error.issues
    .filter((issue) => !isAboutAbsence(issue, yaml.data))
    .flatMap((issue) => faultsOf(issue, yaml));
};

/** The profile in the merged data of a file and its family, or what is missing from both. */
export const checkWhole = (
  yaml: YamlFile,
  merged: unknown,
  { allowInsecureLoopback }: { readonly allowInsecureLoopback: boolean },
): { content: ProfileContent | null; faults: readonly ProfileFault[] } => {
  const parsed = profileSchema.safeParse(merged);
  if (!parsed.success) return { content: null, faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, yaml)) };
  const found = [...contradictions(parsed.data), ...(allowInsecureLoopback ? [] : ownMachine(parsed.data))];
  const faults = found.map(({ path, message }) => yaml.faultAt(path, message));
  return { content: parsed.data, faults };
};

/** Values that are right each for itself and not together. */
const contradictions = ({
  access,
  introspection,
  response,
}: ProfileContent): readonly { path: Path; message: string }[] => [
  ...(access.none_means === 'use_default' && access.default_ttl_s === null
    ? [{ path: ['access'], message: '`none_means: use_default` needs `default_ttl_s`' }]
    : []),
  ...(access.none_means === 'never' && access.default_ttl_s !== null
    ? [{ path: ['access', 'default_ttl_s'], message: '`default_ttl_s` has no use with `none_means: never`' }]
    : []),
  ...(Object.hasOwn(response.slots, 'main')
    ? []
    : [{ path: ['response', 'slots'], message: 'the slot `main` is missing' }]),
  ...(access.none_means === 'introspect' && introspection === null
    ? [{ path: ['access', 'none_means'], message: '`none_means: introspect` needs `introspection`' }]
    : []),
  ...(response.ok_path === '' ? [{ path: ['response', 'ok_path'], message: 'names no field' }] : []),
];

/** Tokens leave this machine, except in development. */
const ownMachine = ({ token, refresh, revoke, introspection, identity }: ProfileContent) =>
  Object.entries({ token, refresh, revoke, introspection, identity }).flatMap(([section, content]) =>
    content?.url && isLoopbackHost(new URL(content.url).hostname)
      ? [{ path: [section, 'url'], message: 'names this machine, which VAULT_ALLOW_INSECURE_LOOPBACK=1 allows' }]
      : [],
  );

const faultsOf = (issue: Issue, yaml: YamlFile): readonly ProfileFault[] => {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => yaml.faultAtKey([...issue.path, key], unknownKey(key, namesAt(issue.path))));
  const name = issue.path.map(String).join('.');
  const problem = isAboutAbsence(issue, yaml.data) ? 'is missing' : lowerFirst(issue.message);
  return [yaml.faultAt(issue.path, name === '' ? `the file: ${problem}` : `\`${name}\`: ${problem}`)];
};

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const unknownKey = (key: string, names: readonly string[]): string => {
  if (ELSEWHERE.test(key))
    return `\`${key}\` does not belong here: VAULT_CLIENT_ID_<PLATFORM> and VAULT_CLIENT_SECRET_<PLATFORM> hold the client`;
  const meant = suggest(key, names);
  return meant === null
    ? `unknown key \`${key}\`; known are ${names.join(', ')}`
    : `unknown key \`${key}\`; did you mean \`${meant}\`?`;
};

/** Whether what the issue speaks of is not written in the file at all. */
const isAboutAbsence = (issue: Issue, data: unknown): boolean =>
  issue.path.length > 0 &&
  (issue.code === 'invalid_type' || issue.code === 'invalid_value') &&
  valueAt(data, issue.path) === undefined;

const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
    data,
  );

/** The keys that the schema knows at `path`. */
const namesAt = (path: Path): readonly string[] => {
  let schema: unknown = profileSchema;
  for (const name of path) schema = memberOf(withoutWrappers(schema), name);
  return Object.keys(shapeOf(withoutWrappers(schema)));
};

const memberOf = (schema: unknown, name: PropertyKey): unknown => {
  const shape = shapeOf(schema);
  if (Object.hasOwn(shape, name)) return Reflect.get(shape, name);
  return typeof schema === 'object' && schema !== null && 'valueType' in schema ? schema.valueType : undefined;
};

const shapeOf = (schema: unknown): object =>
  typeof schema === 'object' && schema !== null && 'shape' in schema && typeof schema.shape === 'object'
    ? (schema.shape ?? {})
    : {};

/** Defaults, `nullable` and `optional` wrap the schema that they speak of. */
const withoutWrappers = (schema: unknown): unknown =>
  typeof schema === 'object' && schema !== null && 'unwrap' in schema && typeof schema.unwrap === 'function'
    ? withoutWrappers(schema.unwrap())
    : schema;
