import { ClientKafka } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type EchoPlace, readArgument } from './echo-place.ts';
import { type Contestant, serveLoad } from './serve-load.ts';
import { TOKEN, userOf } from './users.ts';

const open = async ({ brokers, requests, groupId }: EchoPlace): Promise<Contestant> => {
  const client = new ClientKafka({ client: { clientId: 'nest', brokers: [...brokers] }, consumer: { groupId } });
  client.subscribeToResponseOf(requests);
  await client.connect();
  return {
    call: (n) => lastValueFrom(client.send<string>(requests, { key: userOf(n), value: TOKEN })),
    close: () => client.close(),
  };
};

await serveLoad(() => open(readArgument<EchoPlace>()));
