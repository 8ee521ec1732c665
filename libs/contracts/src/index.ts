export * from './apply-schemas.ts';
export * from './codec.ts';
export * from './errors.ts';
export { type Unframed, unframe } from './frame.ts';
export * from './records.ts';
export type { CompatibilityLevel, SchemasReport, SubjectReport } from './subjects.ts';
export * from './topics.ts';
