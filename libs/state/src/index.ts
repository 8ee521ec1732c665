export { type Following, followDecoded, followStates } from './follow-states.ts';
export { StateMarks } from './marks.ts';
export {
  applyPlatforms,
  comparePlatforms,
  type PlatformChange,
  type PlatformName,
  type PlatformsParts,
  publishPlatforms,
  readPlatform,
} from './platforms.ts';
export { type StateRecord, supersedes } from './read-state.ts';
export { type ConnectionStatusAt, connectionStatusAt, digestOf } from './status-over-time.ts';
export { Tombstones } from './tombstones.ts';
