import type { RecordName } from './records.ts';

/** The schema registry gave no usable answer. The request may be repeated. */
export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable';
}

/** Schemas that this build writes are not registered: run `vault schemas apply` against this registry. */
export class SchemaMissing extends Error {
  override readonly name = 'SchemaMissing';
  readonly subjects: readonly string[];
  constructor(subjects: readonly string[]) {
    super(`not registered: ${subjects.join(', ')}`);
    this.subjects = subjects;
  }
}

/** A value does not fit its record. Names the fields, never their values, which may be secrets. */
export class InvalidRecord extends Error {
  override readonly name = 'InvalidRecord';
  readonly record: RecordName;
  /** Paths of the fields that do not fit, e.g. `connections.0.platform`. */
  readonly paths: readonly string[];
  constructor(record: RecordName, paths: readonly string[]) {
    super(`${record} does not fit its schema at ${paths.join(', ')}`);
    this.record = record;
    this.paths = paths;
  }
}
