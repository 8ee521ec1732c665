import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What becomes of bytes on their way: these are handed on (none: they are swallowed), or the connection is cut instead. */
export type Onward = Buffer | 'cut';

/** Watches over one connection. */
export interface Wire {
  readonly request: (bytes: Buffer) => Onward;
  readonly answer: (bytes: Buffer) => Onward;
}

/** A proxy on a port of this machine. */
export interface TcpProxy {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Nothing, handed on. */
export const SWALLOWED = Buffer.alloc(0);

/** Stands before a server on `upstreamPort`, on `port` or a free one, with a wire for each connection. */
export const startTcpProxy = async (upstreamPort: number, newWire: () => Wire, port = 0): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1').setNoDelay(true);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client.setNoDelay(true), upstream]) {
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    const wire = newWire();
    const pass = (onward: Onward, to: Socket): void => {
      if (onward === 'cut') cut();
      else if (onward.length > 0) to.write(onward);
    };
    client.on('data', (bytes: Buffer) => pass(wire.request(bytes), upstream));
    upstream.on('data', (bytes: Buffer) => pass(wire.answer(bytes), client));
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
};
