export { type ConnectionStatusAt, connectionStatusAt } from './connection-status-at.ts';
export { digestOf } from './digest.ts';
export { type Following, followDecoded } from './follow-decoded.ts';
export { followStates } from './follow-states.ts';
export { StateMarks } from './marks.ts';
export { applyPlatforms, type PlatformChange, type PlatformName, readPlatform } from './platforms.ts';
export type { StateRecord } from './read-state.ts';
export { supersedes } from './revision.ts';
export { Tombstones } from './tombstones.ts';
