export { type BranchKeys, type BranchKeysOptions, createBranchKeys } from './create-branch-keys.ts';
export { createDataKeys, type DataKeysOptions } from './create-data-keys.ts';
export { branchKeyContext, dataKeyContext, InvalidWrappedKey, type KeyEnvironment, keyContext } from './key-context.ts';
export { KeyFileRefused } from './key-file.ts';
export { type KmsWrapper, type KmsWrapperOptions, openKmsWrapper } from './open-kms-wrapper.ts';
export { type LocalWrapperOptions, openLocalWrapper } from './open-local-wrapper.ts';
export { openWrapper, type WrapperChoice } from './open-wrapper.ts';
