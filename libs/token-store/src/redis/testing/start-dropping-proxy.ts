import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server. `dropReplies` makes it close the connection instead of forwarding the next replies. */
export const startDroppingProxy = async (port: number) => {
  let [forwarding, dropping] = [0, 0];
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
    upstream.on('data', (reply) => {
      if (dropping === 0 || forwarding > 0) {
        forwarding -= 1;
        return client.write(reply);
      }
      dropping -= 1;
      return client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    dropReplies: (count: number, forwardFirst = 0) => {
      [forwarding, dropping] = [forwardFirst, count];
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
