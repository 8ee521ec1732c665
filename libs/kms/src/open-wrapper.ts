import type { KeyWrapper } from '@vault-engine/vault';
import { openKmsWrapper } from './open-kms-wrapper.ts';
import { openLocalWrapper } from './open-local-wrapper.ts';

/** The key that wraps the data keys. */
export type WrapperChoice =
  | { readonly wrapper: 'aws-kms'; readonly keyId: string; readonly formerKeyIds?: readonly string[] }
  | { readonly wrapper: 'local'; readonly keyFile: string };

/** Opens the configured wrapper. */
export const openWrapper = async (choice: WrapperChoice): Promise<KeyWrapper> =>
  choice.wrapper === 'local'
    ? openLocalWrapper({ keyFile: choice.keyFile })
    : openKmsWrapper({ keyId: choice.keyId, formerKeyIds: choice.formerKeyIds ?? [] });
