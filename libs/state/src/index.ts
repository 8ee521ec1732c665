export { type Following, followDecoded, followStates } from './follow-states.ts';
export { readPlatform, type StateRecord, supersedes, Tombstones } from './read-state.ts';
export { type ConnectionStatusAt, connectionStatusAt, digestOf } from './status-over-time.ts';
