export type { EngineKeysFile } from './engine-keys-file.ts';
export { type Provisioned, type Provisioning, provision } from './provision.ts';
export { type RunningVault, type RunOptions, runVault } from './run-vault.ts';
export {
  gatewayPort,
  plan,
  refreshEnvironment,
  type ServicePlan,
  servicePlans,
  syncEnginePlan,
  type VaultPlace,
} from './services.ts';
export { type FurtherPlatform, type FurtherPlatforms, writePlatforms } from './write-platforms.ts';
