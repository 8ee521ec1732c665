import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactoryArgs } from 'kafkajs';

/**
 * Opens a socket as kafkajs does, with Nagle's algorithm turned off. With it, a small request waits until the broker has
 * acknowledged the one before, which the broker may delay by 40 ms. The bus gathers messages itself.
 */
export function openSocket({ host, port, ssl, onConnect }: SocketOptions): Socket {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** kafkajs leaves `ssl` out where it was not configured, against its own types. */
type SocketOptions = Omit<ISocketFactoryArgs, 'ssl'> & Partial<Pick<ISocketFactoryArgs, 'ssl'>>;

const KEEP_ALIVE_MS = 60_000;
