import { COMPATIBILITY, SchemaType } from '@kafkajs/confluent-schema-registry';
import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { COMMAND_NAMES, RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import { openRegistry, registryLookup } from './registry-lookup.ts';
import { askRegistry } from './registry-rest.ts';

/** What may change between two versions of a subject. */
export type CompatibilityLevel = 'BACKWARD_TRANSITIVE' | 'FULL_TRANSITIVE';

/** How one subject stands. */
export interface SubjectReport {
  readonly name: RecordName;
  readonly subject: string;
  /** `absent`: no version yet; `changed`: this build's schema is a new, compatible version. */
  readonly state: 'current' | 'absent' | 'changed' | 'incompatible';
  /** The id of this build's schema; null where it is not registered. */
  readonly id: number | null;
  /** The registry's level for the subject; null where it has none of its own. */
  readonly level: string | null;
  readonly wantedLevel: CompatibilityLevel;
  /** What the registry says against it. */
  readonly messages: readonly string[];
}

/** How all subjects stand. `ok`: every schema of this build is registered, under its level. */
export interface SchemasReport {
  readonly ok: boolean;
  readonly subjects: readonly SubjectReport[];
}

const COMMANDS: ReadonlySet<RecordName> = new Set<RecordName>(COMMAND_NAMES);

/**
 * Workers are upgraded before the engines that send commands: a new reader has to know old commands. All other records
 * are also read by parties that are upgraded later: engines, views, and auditors of old records.
 */
export const levelOf = (name: RecordName): CompatibilityLevel =>
  COMMANDS.has(name) ? 'BACKWARD_TRANSITIVE' : 'FULL_TRANSITIVE';

/** Compares the registry with this build and changes nothing. Rejects with {@link RegistryUnavailable}. */
export const checkSchemas = async (registryUrl: string): Promise<SchemasReport> => {
  const subjects: SubjectReport[] = [];
  for (const name of RECORD_NAMES) subjects.push(await inspect(registryUrl, name));
  return report(subjects);
};

/**
 * Registers what this build writes: sets each subject's level, asks for the compatibility of all, and registers only
 * where all are compatible. Answers how the subjects stand afterwards. Rejects with {@link RegistryUnavailable}.
 */
export const applySchemas = async (registryUrl: string): Promise<SchemasReport> => {
  for (const name of RECORD_NAMES) await setLevel(registryUrl, name);
  const before = await checkSchemas(registryUrl);
  if (before.subjects.some(({ state }) => state === 'incompatible')) return before;
  for (const { name, state } of before.subjects) {
    if (state !== 'current') await register(registryUrl, name);
  }
  return checkSchemas(registryUrl);
};

const report = (subjects: readonly SubjectReport[]): SchemasReport => ({
  ok: subjects.every(({ state, level, wantedLevel }) => state === 'current' && level === wantedLevel),
  subjects,
});

const inspect = async (url: string, name: RecordName): Promise<SubjectReport> => {
  const id = await registryLookup(url).idOf(name);
  const about = { name, subject: subjectOf(name), id, level: await readLevel(url, name), wantedLevel: levelOf(name) };
  if (id !== null) return { ...about, state: 'current', messages: [] };
  return { ...about, ...(await compare(url, name)) };
};

const path = (name: RecordName): string => encodeURIComponent(subjectOf(name));

const readLevel = async (url: string, name: RecordName): Promise<string | null> => {
  const { status, body } = await askRegistry(url, 'GET', `/config/${path(name)}`);
  const level = body['compatibilityLevel'];
  return status === 200 && typeof level === 'string' ? level : null;
};

/** Against every version: with a transitive level, `latest` alone would let an older one slip through. */
const compare = async (url: string, name: RecordName): Promise<Pick<SubjectReport, 'state' | 'messages'>> => {
  const asked = `/compatibility/subjects/${path(name)}/versions`;
  const { status, body } = await askRegistry(url, 'POST', `${asked}?verbose=true`, { schema: SCHEMAS[name] });
  if (status === 404) return { state: 'absent', messages: [] };
  if (status !== 200) throw new RegistryUnavailable(`the schema registry answered POST ${asked} with ${status}`);
  return { state: body['is_compatible'] === true ? 'changed' : 'incompatible', messages: textsIn(body['messages']) };
};

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** A subject that does not exist yet gets its level with its first version. */
const setLevel = async (url: string, name: RecordName): Promise<void> => {
  const versions = await askRegistry(url, 'GET', `/subjects/${path(name)}/versions/latest`);
  if (versions.status === 404 || (await readLevel(url, name)) === levelOf(name)) return;
  const { status } = await askRegistry(url, 'PUT', `/config/${path(name)}`, { compatibility: levelOf(name) });
  if (status !== 200) throw new RegistryUnavailable(`the schema registry refused a level for ${subjectOf(name)}`);
};

const register = async (url: string, name: RecordName): Promise<void> => {
  try {
    await openRegistry(url).register(
      { type: SchemaType.AVRO, schema: SCHEMAS[name] },
      { subject: subjectOf(name), compatibility: COMPATIBILITY[levelOf(name)] },
    );
  } catch (cause) {
    throw new RegistryUnavailable(`the schema registry did not take ${subjectOf(name)}`, { cause });
  }
};
