export { createDataKeys, type DataKeysOptions } from './create-data-keys.ts';
export { dataKeyContext, InvalidWrappedKey, type KeyEnvironment, keyContext } from './key-context.ts';
export { KeyFileRefused } from './key-file.ts';
export { type KmsWrapper, type KmsWrapperOptions, openKmsWrapper } from './open-kms-wrapper.ts';
export { type LocalWrapperOptions, openLocalWrapper } from './open-local-wrapper.ts';
export { openWrapper, type WrapperChoice } from './open-wrapper.ts';
