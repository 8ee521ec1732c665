export { type AssembledVault, assembleVault, type VaultConfig, vaultSettings } from './assemble-vault.ts';
