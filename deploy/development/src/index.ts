export type { EngineKeysFile } from './engine-keys-file.ts';
export { enginesFileOf, keyFileOf, type Provisioned, type Provisioning, provision } from './provision.ts';
export { gatewayPort, plan, type ServicePlan, servicePlans, type VaultPlace } from './services.ts';
