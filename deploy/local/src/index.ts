export { localAwsEnvironment, type PartAddresses, type PartEnvironment } from './config.ts';
export { type EnsureOptions, ensureParts, type Parts } from './ensure-parts.ts';
export { MissingPart } from './missing-part.ts';
export { type PartName, partNames } from './part.ts';
export { partEnvironment } from './part-environment.ts';
export type { Log } from './progress.ts';
export type { RunningPart } from './running-part.ts';
export { type StartPartOptions, startPart } from './start-part.ts';
export { removeAtEnd } from './watchdog.ts';
