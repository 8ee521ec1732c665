import { SCHEMAS } from './generated/schemas.ts';
import { COMMAND_NAMES, RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import { applySubjects, type CompatibilityLevel, checkSubjects, type SchemasReport, type Subject } from './subjects.ts';

/** Compares the registry with this build's schemas and changes nothing. Rejects with `RegistryUnavailable`. */
export const checkSchemas = (registryUrl: string): Promise<SchemasReport> => checkSubjects(registryUrl, OWN);

/**
 * Registers this build's schemas, under their levels, where all of them are compatible with what is there; else none.
 * Answers how they stand afterwards. Rejects with `RegistryUnavailable`.
 */
export const applySchemas = (registryUrl: string): Promise<SchemasReport> => applySubjects(registryUrl, OWN);

/**
 * Workers are upgraded before the engines that send commands: a new reader has to know old commands. All other records
 * are also read by parties that are upgraded later: engines, views, and auditors of old records.
 */
const levelOf = (name: RecordName): CompatibilityLevel =>
  COMMANDS.has(name) ? 'BACKWARD_TRANSITIVE' : 'FULL_TRANSITIVE';

const COMMANDS: ReadonlySet<RecordName> = new Set<RecordName>(COMMAND_NAMES);

const OWN: readonly Subject[] = RECORD_NAMES.map((name) => ({
  subject: subjectOf(name),
  schema: SCHEMAS[name],
  level: levelOf(name),
}));
