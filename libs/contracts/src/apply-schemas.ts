import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { COMMAND_NAMES, RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import { askRegistry, idOf, register, type SchemaToRegister } from './registry.ts';

/** Compares the registry with this build's schemas and changes nothing. Rejects with `RegistryUnavailable`. */
export const checkSchemas = (registryUrl: string): Promise<SchemasReport> => checkSubjects(registryUrl, OWN);

/**
 * Registers this build's schemas with their levels if all are compatible with the registry; otherwise registers none.
 * Returns the resulting state. Rejects with `RegistryUnavailable`.
 */
export const applySchemas = (registryUrl: string): Promise<SchemasReport> => applySubjects(registryUrl, OWN);

/** The changes that are allowed between two versions of a subject. */
export type CompatibilityLevel = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** One subject as this build needs it. */
export interface Subject extends SchemaToRegister {
  readonly level: CompatibilityLevel;
}

/** The state of one subject in the registry. */
export interface SubjectReport {
  readonly subject: string;
  /** `absent`: the subject has no version. `changed`: this build's schema would be a new, compatible version. */
  readonly state: 'current' | 'absent' | 'changed' | 'incompatible';
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

/** Compares the registry at `url` with `subjects` and changes nothing. Rejects with {@link RegistryUnavailable}. */
export const checkSubjects = async (url: string, subjects: readonly Subject[]): Promise<SchemasReport> => {
  const reports = await Promise.all(subjects.map((subject) => inspect(url, subject)));
  return { ok: reports.every(isAsWanted), subjects: reports };
};

/**
 * Sets each subject's level, checks the compatibility of all, and registers only if all are compatible. Returns the
 * resulting state. Rejects with {@link RegistryUnavailable}.
 */
export const applySubjects = async (url: string, subjects: readonly Subject[]): Promise<SchemasReport> => {
  await Promise.all(subjects.map((subject) => setLevel(url, subject)));
  const before = await checkSubjects(url, subjects);
  if (before.ok || before.subjects.some(({ state }) => state === 'incompatible')) return before;
  for (const subject of subjects) await register(url, subject);
  return checkSubjects(url, subjects);
};

const isAsWanted = ({ state, level, wantedLevel }: SubjectReport): boolean =>
  state === 'current' && level === wantedLevel;

const inspect = async (url: string, wanted: Subject): Promise<SubjectReport> => {
  const { subject, schema, level: wantedLevel } = wanted;
  const id = await idOf(url, subject, schema);
  const level = await readLevel(url, subject);
  const compared = id === null ? await compare(url, wanted) : ({ state: 'current', messages: [] } as const);
  return { subject, id, level, wantedLevel, ...compared };
};

const readLevel = async (url: string, subject: string): Promise<string | null> => {
  const { status, body } = await askRegistry(url, 'GET', `/config/${encodeURIComponent(subject)}`);
  const level = body['compatibilityLevel'];
  return status === 200 && typeof level === 'string' ? level : null;
};

/** Compares with every version. Under a transitive level, comparing with `latest` alone would miss older versions. */
const compare = async (
  url: string,
  { subject, schema }: Subject,
): Promise<Pick<SubjectReport, 'state' | 'messages'>> => {
  const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions`;
  const { status, body } = await askRegistry(url, 'POST', `${path}?verbose=true`, { schema });
  if (status === 404) return { state: 'absent', messages: [] };
  if (status !== 200) throw new RegistryUnavailable(`the schema registry answered POST ${path} with ${status}`);
  return { state: body['is_compatible'] === true ? 'changed' : 'incompatible', messages: textsIn(body['messages']) };
};

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** A subject that does not exist yet gets its level together with its first version. */
const setLevel = async (url: string, { subject, level }: Subject): Promise<void> => {
  if ((await readLevel(url, subject)) === level) return;
  const path = encodeURIComponent(subject);
  const latest = await askRegistry(url, 'GET', `/subjects/${path}/versions/latest`);
  if (latest.status === 404) return;
  const { status } = await askRegistry(url, 'PUT', `/config/${path}`, { compatibility: level });
  if (status !== 200) throw new RegistryUnavailable(`the schema registry refused ${level} for ${subject}`);
};
