import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { openWorld } from '@vault-engine/world';
import { keyWrapperContract } from './key-wrapper-contract.ts';
import { openKmsWrapper } from './open-kms-wrapper.ts';

keyWrapperContract('KMS', async () => {
  const world = await openWorld();
  const connection = {
    region: 'us-east-1',
    endpoint: world.kmsEndpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const client = new KMSClient(connection);
  const { KeyMetadata: key } = await client.send(new CreateKeyCommand({}));
  client.destroy();
  const wrapper = openKmsWrapper({ keyId: key?.KeyId ?? '', ...connection });
  return {
    wrapper,
    close: async () => {
      wrapper.close();
      await world.close();
    },
  };
});
