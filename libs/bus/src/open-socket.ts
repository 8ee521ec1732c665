import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactoryArgs } from 'kafkajs';

/**
 * As kafkajs opens its sockets, but without Nagle's algorithm: with it a small request waits until the broker has
 * acknowledged the one before, which the broker may put off for 40 ms. What fills a packet is gathered above already.
 */
export function openSocket({ host, port, ssl, onConnect }: SocketOptions): Socket {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** kafkajs gives no `ssl`, whatever its types say, where none was asked for. */
type SocketOptions = Omit<ISocketFactoryArgs, 'ssl'> & Partial<Pick<ISocketFactoryArgs, 'ssl'>>;

const KEEP_ALIVE_MS = 60_000;
