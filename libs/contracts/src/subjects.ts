import { COMPATIBILITY, SchemaType } from '@kafkajs/confluent-schema-registry';
import { RegistryUnavailable } from './errors.ts';
import { idOf, openRegistry } from './registry-lookup.ts';
import { askRegistry } from './registry-rest.ts';

/** What may change between two versions of a subject. */
export type CompatibilityLevel = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** One subject as this build wants it. */
export interface Subject {
  readonly subject: string;
  /** JSON. */
  readonly schema: string;
  readonly level: CompatibilityLevel;
}

/** How one subject stands. */
export interface SubjectReport {
  readonly subject: string;
  /** `absent`: no version yet; `changed`: this build's schema is a new, compatible version. */
  readonly state: 'current' | 'absent' | 'changed' | 'incompatible';
  /** The id of this build's schema; null where it is not registered. */
  readonly id: number | null;
  /** The registry's level for the subject; null where it has none of its own. */
  readonly level: string | null;
  readonly wantedLevel: CompatibilityLevel;
  /** What the registry says against it, where it gives details. */
  readonly messages: readonly string[];
}

/** How all subjects stand. `ok`: every schema of this build is registered, under its level. */
export interface SchemasReport {
  readonly ok: boolean;
  readonly subjects: readonly SubjectReport[];
}

/** Compares the registry at `url` with `subjects` and changes nothing. Rejects with {@link RegistryUnavailable}. */
export const checkSubjects = async (url: string, subjects: readonly Subject[]): Promise<SchemasReport> => {
  const reports = await Promise.all(subjects.map((subject) => inspect(url, subject)));
  return { ok: reports.every(isAsWanted), subjects: reports };
};

/**
 * Sets each subject's level, asks whether all are compatible, and registers only where all are. Answers how the
 * subjects stand afterwards. Rejects with {@link RegistryUnavailable}.
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
  const id = await idOf(openRegistry(url), subject, schema);
  const level = await readLevel(url, subject);
  const compared = id === null ? await compare(url, wanted) : ({ state: 'current', messages: [] } as const);
  return { subject, id, level, wantedLevel, ...compared };
};

const readLevel = async (url: string, subject: string): Promise<string | null> => {
  const { status, body } = await askRegistry(url, 'GET', `/config/${encodeURIComponent(subject)}`);
  const level = body['compatibilityLevel'];
  return status === 200 && typeof level === 'string' ? level : null;
};

/** Against every version: with a transitive level, `latest` alone would let an older one slip through. */
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

/** A subject that does not exist yet gets its level with its first version. */
const setLevel = async (url: string, { subject, level }: Subject): Promise<void> => {
  if ((await readLevel(url, subject)) === level) return;
  const path = encodeURIComponent(subject);
  const latest = await askRegistry(url, 'GET', `/subjects/${path}/versions/latest`);
  if (latest.status === 404) return;
  const { status } = await askRegistry(url, 'PUT', `/config/${path}`, { compatibility: level });
  if (status !== 200) throw new RegistryUnavailable(`the schema registry refused ${level} for ${subject}`);
};

const register = async (url: string, { subject, schema, level }: Subject): Promise<void> => {
  try {
    await openRegistry(url).register(
      { type: SchemaType.AVRO, schema },
      { subject, compatibility: COMPATIBILITY[level] },
    );
  } catch (cause) {
    // Two deployments at once: the other one's registration is as good as ours.
    if ((await idOf(openRegistry(url), subject, schema)) !== null) return;
    throw new RegistryUnavailable(`the schema registry did not take ${subject}`, { cause });
  }
};
