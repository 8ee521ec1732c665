import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands before a server and forwards bytes. Told to, it takes a connection down in place of its next answers. */
export const startAnswerThief = async (port: number) => {
  let [sparing, losing] = [0, 0];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (answer) => {
      if (losing === 0 || sparing > 0) {
        sparing -= 1;
        return client.write(answer);
      }
      losing -= 1;
      return client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    loseAnswers: (count: number, spareFirst = 0) => {
      [sparing, losing] = [spareFirst, count];
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
