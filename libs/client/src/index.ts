export { connectVault, type VaultClient, type VaultOptions } from './connect-vault.ts';
export { type GetTokenInput, getToken, type IssuedToken } from './get-token.ts';
export { type Caller, type CallerParts, openCaller } from './open-caller.ts';
export {
  type ChangesOptions,
  type ConnectionStateView,
  openConnectionStateView,
  type StateFilter,
  type StateViewOptions,
} from './open-state-view.ts';
export type { Operation } from './operation.ts';
export type { CallOptions } from './sign-command.ts';
export { type StoredToken, type StoreTokenInput, storeToken } from './store-token.ts';
export {
  type ForgottenUser,
  forgetUser,
  getStatus,
  type PlatformStatus,
  type RevokedToken,
  type RevokeTokenInput,
  revokeToken,
  type StartConnectionInput,
  type StartedConnection,
  startConnection,
  type UserStatus,
} from './user-commands.ts';
export type { UserState } from './user-state.ts';
export { VaultClosed, VaultError, VaultTimeout } from './vault-error.ts';
