export * from '@vault-engine/model';
export * from './call.ts';
export { change, type Mutation } from './change/change.ts';
export { dedupeOutcomeText, matchDedupeRecord, parseDedupeOutcome, refusalId } from './change/dedupe.ts';
export { drainPending } from './change/transition.ts';
export * from './connection-record.ts';
export type { Credentials } from './credentials.ts';
export { forgetUser, type UserForgotten } from './forget-user.ts';
export { getStatus, type PlatformStatus, type StatusSnapshot } from './get-status.ts';
export { type GetToken, getToken, type RefreshOnRetrieval, type TokenIssued } from './get-token.ts';
export * from './ports.ts';
export type * from './providers.ts';
export {
  type CircuitState,
  type CircuitStore,
  healthOf,
  type Incident,
  memoryCircuits,
  NEW_CIRCUIT,
  type PlatformHealth,
} from './refresh/circuit.ts';
export { type Evidence, firstStep, type MayRefresh, mayRefresh, unknownSince } from './refresh/judge-answer.ts';
export type * from './refresh/refresh-request.ts';
export { createRefresher, type Refresher, type RefresherOptions } from './refresh/refresher.ts';
export { attentionAt, refreshAt } from './refresh/schedule.ts';
export { revokeToken, type TokenRevoked } from './revoke-token/revoke-token.ts';
export { abandonFlows } from './start-connection/abandon-flows.ts';
export {
  type ConnectionStarted,
  isFlowId,
  type StartConnection,
  startConnection,
} from './start-connection/start-connection.ts';
export { status } from './status.ts';
export { checkCredentials } from './store-token/check-credentials.ts';
export { type StoreToken, storeToken, type TokenStored } from './store-token/store-token.ts';
export type * from './token-store.ts';
export { BrokenRow } from './token-store.ts';
