import type * as z from 'zod';
import { isLoopbackHost } from '../outbound/check-addresses.ts';
import { type ProfileContent, profileSchema } from './profile-schema.ts';
import type { Path, ProfileFault, YamlFile } from './read-yaml.ts';

type Issue = z.core.$ZodIssue;

/** Client ids and secrets are environment variables, never keys of a profile. */
const CLIENT_KEYS = /^client_?(id|secret)$/i;

/** The faults of one file by itself. A missing key is no fault here, because a family may supply it. */
export const checkFile = (yaml: YamlFile): readonly ProfileFault[] => {
  if (yaml.faults.length > 0) return yaml.faults;
  const parsed = profileSchema.safeParse(yaml.data);
  if (parsed.success) return [];
  return parsed.error.issues
    .filter((issue) => !isAboutAbsence(issue, yaml.data))
    .flatMap((issue) => faultsOf(issue, yaml));
};

/** The profile in the merged data of a file and its family, with the faults of the merged whole: missing keys and contradictions. */
export const checkWhole = (
  yaml: YamlFile,
  merged: unknown,
  { allowInsecureLoopback }: { readonly allowInsecureLoopback: boolean },
): { content: ProfileContent | null; faults: readonly ProfileFault[] } => {
  const parsed = profileSchema.safeParse(merged);
  if (!parsed.success) return { content: null, faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, yaml)) };
  const found = [...contradictions(parsed.data), ...(allowInsecureLoopback ? [] : loopbackUrls(parsed.data))];
  const faults = found.map(({ path, message }) => yaml.faultAt(path, message));
  return { content: parsed.data, faults };
};

/** Values that are valid alone and contradict each other. */
const contradictions = ({
  access,
  introspection,
  refresh_ttl: ttl,
  response,
}: ProfileContent): readonly { path: Path; message: string }[] => [
  ...(access.none_means === 'use_default' && access.default_ttl_s === null
    ? [{ path: ['access'], message: '`none_means: use_default` needs `default_ttl_s`' }]
    : []),
  ...(access.none_means === 'never' && access.default_ttl_s !== null
    ? [{ path: ['access', 'default_ttl_s'], message: '`default_ttl_s` has no effect with `none_means: never`' }]
    : []),
  ...(Object.hasOwn(response.slots, 'main')
    ? []
    : [{ path: ['response', 'slots'], message: 'the slot `main` is missing' }]),
  ...(access.none_means === 'introspect' && introspection === null
    ? [{ path: ['access', 'none_means'], message: '`none_means: introspect` needs `introspection`' }]
    : []),
  ...(response.ok !== null && response.ok_path !== null
    ? [{ path: ['response', 'ok_path'], message: '`ok_path` has no effect with `ok`' }]
    : []),
  ...(['idle', 'absolute'] as const).flatMap((name) =>
    ttl[name] !== null && ttl[`${name}_d`] !== null
      ? [{ path: ['refresh_ttl', `${name}_d`], message: `\`${name}_d\` has no effect with \`${name}\`` }]
      : [],
  ),
  ...(response.ok_path === ''
    ? [{ path: ['response', 'ok_path'], message: '`response.ok_path`: expected the name of a field' }]
    : []),
];

/** URLs of the local machine, which are for development only. */
const loopbackUrls = ({ token, refresh, revoke, introspection, identity }: ProfileContent) =>
  Object.entries({ token, refresh, revoke, introspection, identity }).flatMap(([section, content]) =>
    content?.url && isLoopbackHost(new URL(content.url).hostname)
      ? [
          {
            path: [section, 'url'],
            message: `\`${section}.url\`: names this machine; set VAULT_ALLOW_INSECURE_LOOPBACK=1 with VAULT_ENV=development to allow it`,
          },
        ]
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
  if (CLIENT_KEYS.test(key))
    return `\`${key}\` does not belong in a profile; set VAULT_CLIENT_ID_<PLATFORM> and VAULT_CLIENT_SECRET_<PLATFORM>`;
  const meant = suggest(key, names);
  return meant === null
    ? `unknown key \`${key}\`; known are ${names.join(', ')}`
    : `unknown key \`${key}\`; did you mean \`${meant}\`?`;
};

/** Whether the issue is about a key that the file does not have. */
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

/** The schema inside `default`, `nullable` and `optional`. */
const withoutWrappers = (schema: unknown): unknown =>
  typeof schema === 'object' && schema !== null && 'unwrap' in schema && typeof schema.unwrap === 'function'
    ? withoutWrappers(schema.unwrap())
    : schema;

/** The name in `names` that `text` probably misspells, or null where none is similar enough. */
export const suggest = (text: string, names: readonly string[]): string | null => {
  const nearest = names
    .map((name) => ({ name, distance: editDistance(text.toLowerCase(), name.toLowerCase()) }))
    .toSorted((left, right) => left.distance - right.distance)[0];
  return nearest && nearest.distance <= Math.max(1, Math.floor(nearest.name.length / 3)) ? nearest.name : null;
};

/** Levenshtein distance, computed row by row. */
const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};
