export { type Following, followDecoded, followStates } from './follow-states.ts';
export { readPlatform, type StateRecord, supersedes } from './read-state.ts';
export { type ConnectionStatusAt, connectionStatusAt, digestOf } from './status-over-time.ts';
export { Tombstones } from './tombstones.ts';
