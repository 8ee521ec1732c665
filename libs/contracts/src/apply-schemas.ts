import { isDeepStrictEqual } from 'node:util';
import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { COMMAND_NAMES, RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import { fieldOf, openRegistry, type Registry, type RegistryAccess, type SchemaToRegister } from './registry.ts';

export type { RegistryAccess };

/** Compares the registry with this build's schemas and changes nothing. Rejects with `RegistryUnavailable`. */
export const checkSchemas = (registryUrl: string, access?: RegistryAccess): Promise<SchemasReport> =>
  checkSubjects(openRegistry(registryUrl, access), OWN);

/**
 * Registers this build's schemas with their levels if all are compatible with the registry; otherwise registers none.
 * Returns the resulting state. Rejects with `RegistryUnavailable`.
 */
export const applySchemas = (registryUrl: string, access?: RegistryAccess): Promise<SchemasReport> =>
  applySubjects(openRegistry(registryUrl, access), OWN);

/** The changes that are allowed between two versions of a subject. */
export type CompatibilityLevel = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** One subject as this build needs it. */
export interface Subject extends SchemaToRegister {
  readonly level: CompatibilityLevel;
}

/** The state of one subject in the registry. */
export interface SubjectReport {
  readonly subject: string;
  /**
   * `absent`: the subject has no version. `changed`: this build's schema would be a new, compatible version. `text_kept`: the
   * registry takes this build's schema for an older version that differs in defaults or aliases, and keeps that one's text.
   * Readers that take the schema from the registry would miss the change.
   */
  readonly state: 'current' | 'absent' | 'changed' | 'incompatible' | 'text_kept';
  /** Whether the registered text differs from this build's in `doc` only. Harmless: no reader depends on it. */
  readonly docsDiffer: boolean;
  /** The id of this build's schema; null where it is not registered. */
  readonly id: number | null;
  /** The subject's own compatibility level in the registry; null where it has none. */
  readonly level: string | null;
  readonly wantedLevel: CompatibilityLevel;
  /** The registry's reasons for `incompatible`, where it gives any. */
  readonly messages: readonly string[];
}

/** The state of all subjects. `ok`: every schema of this build is registered with its level. */
export interface SchemasReport {
  readonly ok: boolean;
  readonly subjects: readonly SubjectReport[];
}

/**
 * Workers read commands and are upgraded before the engines that write them, so a new reader must read old commands. All
 * other records also have readers that are upgraded later: engines, state views, and auditors of old records.
 */
const levelOf = (name: RecordName): CompatibilityLevel =>
  COMMANDS.has(name) ? 'BACKWARD_TRANSITIVE' : 'FULL_TRANSITIVE';

const COMMANDS: ReadonlySet<RecordName> = new Set<RecordName>(COMMAND_NAMES);

const OWN: readonly Subject[] = RECORD_NAMES.map((name) => ({
  subject: subjectOf(name),
  schema: SCHEMAS[name],
  level: levelOf(name),
}));

/** Compares the registry with `subjects` and changes nothing. Rejects with {@link RegistryUnavailable}. */
export const checkSubjects = async (registry: Registry, subjects: readonly Subject[]): Promise<SchemasReport> => {
  const reports = await Promise.all(subjects.map((subject) => inspect(registry, subject)));
  return { ok: reports.every(isAsWanted), subjects: reports };
};

/**
 * Sets each subject's level, checks the compatibility of all, and registers only if all are compatible. Returns the
 * resulting state. Rejects with {@link RegistryUnavailable}.
 */
export const applySubjects = async (registry: Registry, subjects: readonly Subject[]): Promise<SchemasReport> => {
  await Promise.all(subjects.map((subject) => setLevel(registry, subject)));
  const before = await checkSubjects(registry, subjects);
  if (before.ok || before.subjects.some(({ state }) => state === 'incompatible' || state === 'text_kept'))
    return before;
  for (const subject of subjects) await registry.register(subject);
  // A deployment that registered the first version at the same time may not have set its level yet.
  await Promise.all(subjects.map((subject) => setLevel(registry, subject)));
  return checkSubjects(registry, subjects);
};

const isAsWanted = ({ state, level, wantedLevel }: SubjectReport): boolean =>
  state === 'current' && level === wantedLevel;

const inspect = async (registry: Registry, wanted: Subject): Promise<SubjectReport> => {
  const { subject, schema, level: wantedLevel } = wanted;
  const id = await registry.idOf(subject, schema);
  const level = await readLevel(registry, subject);
  const compared = id === null ? await compare(registry, wanted) : compareTexts(await registry.schemaOf(id), schema);
  return { subject, id, level, wantedLevel, docsDiffer: false, messages: [], ...compared };
};

const readLevel = async (registry: Registry, subject: string): Promise<string | null> => {
  const { status, body } = await registry.ask('GET', `/config/${encodeURIComponent(subject)}`);
  const level = fieldOf(body, 'compatibilityLevel');
  return status === 200 && typeof level === 'string' ? level : null;
};

/**
 * Compares with every version: under a transitive level, comparing with the latest alone would miss older ones. Version by
 * version, because not every registry has the resource for all versions.
 */
const compare = async (
  registry: Registry,
  { subject, schema }: Subject,
): Promise<Pick<SubjectReport, 'state'> & Partial<SubjectReport>> => {
  const name = encodeURIComponent(subject);
  const { status, body } = await registry.ask('GET', `/subjects/${name}/versions`);
  if (status === 404) return { state: 'absent' };
  if (!Array.isArray(body)) throw new RegistryUnavailable(`the schema registry returned no versions of ${subject}`);
  const answers = await Promise.all(
    body.map((version) =>
      registry.ask('POST', `/compatibility/subjects/${name}/versions/${version}?verbose=true`, { schema }),
    ),
  );
  const refused = answers.filter((answer) => answer.status !== 200);
  if (refused.length > 0) throw new RegistryUnavailable(`the schema registry did not compare ${subject}`);
  const incompatible = answers.filter((answer) => fieldOf(answer.body, 'is_compatible') !== true);
  return incompatible.length === 0
    ? { state: 'changed' }
    : { state: 'incompatible', messages: incompatible.flatMap((answer) => textsIn(fieldOf(answer.body, 'messages'))) };
};

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** Registries that identify schemas by their Parsing Canonical Form ignore differences in docs, defaults and aliases. */
const compareTexts = (
  registered: string | null,
  own: string,
): Pick<SubjectReport, 'state'> & Partial<SubjectReport> => {
  const [there, here] = [JSON.parse(registered ?? 'null'), JSON.parse(own)];
  if (!isDeepStrictEqual(withoutDocs(there), withoutDocs(here))) return { state: 'text_kept' };
  return { state: 'current', docsDiffer: !isDeepStrictEqual(there, here) };
};

const withoutDocs = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutDocs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (key === 'doc' ? [] : [[key, withoutDocs(part)]])),
  );
};

/** A subject that does not exist yet gets its level together with its first version. */
const setLevel = async (registry: Registry, { subject, level }: Subject): Promise<void> => {
  if ((await readLevel(registry, subject)) === level) return;
  const path = encodeURIComponent(subject);
  const latest = await registry.ask('GET', `/subjects/${path}/versions/latest`);
  if (latest.status === 404) return;
  const { status } = await registry.ask('PUT', `/config/${path}`, { compatibility: level });
  if (status !== 200) throw new RegistryUnavailable(`the schema registry refused ${level} for ${subject}`);
};
