import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request that a test server received. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The number of the connection that carried it, from 1. */
  readonly connection: number;
}

/** A test server on loopback. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** The requests so far. */
  readonly received: readonly Received[];
  /** Number of connections so far. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

/** An HTTP server that calls `answer` once it has read a request whole. */
export const openHttpServer = async (
  answer: (received: Received, response: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<TestServer> => {
  const received: Received[] = [];
  const numbers = new Map<Socket, number>();
  const listener: RequestListener = async (request, response) => {
    const arrived: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: (await buffer(request)).toString(),
      connection: numbers.get(request.socket) ?? 0,
    };
    received.push(arrived);
    answer(arrived, response);
  };
  const server = createServer(listener);
  server.on('connection', (socket: Socket) => numbers.set(socket, numbers.size + 1));
  return { ...(await listen(server, host)), received, connections: () => numbers.size };
};

/** A TCP server that calls `meet` for each connection. */
export const openTcpServer = async (meet: (socket: Socket) => void): Promise<TestServer> => {
  let count = 0;
  const server = createTcpServer((socket) => {
    count += 1;
    socket.on('error', () => undefined);
    meet(socket);
  });
  return { ...(await listen(server, '127.0.0.1')), received: [], connections: () => count };
};

const listen = async (server: Server, host: string): Promise<Pick<TestServer, 'url' | 'port' | 'close'>> => {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://${host}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
};

/** Answers with JSON. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};
