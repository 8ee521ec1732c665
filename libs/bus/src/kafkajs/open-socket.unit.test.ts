import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { openSocket } from './open-socket.ts';

it('sends small requests without waiting for earlier acknowledgements', async () => {
  const setNoDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
  const server = createServer((peer) => peer.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const connected = vi.fn();
  const socket = openSocket({ host: '127.0.0.1', port: address.port, onConnect: connected });
  await once(socket.resume(), 'close');
  expect(connected).toHaveBeenCalledOnce();
  expect(setNoDelay).toHaveBeenCalledWith(true);
  server.close();
});
