import { connect } from 'node:net';

/** Sends bytes to a port of loopback and returns the first bytes of the reply; undefined after a timeout or error. */
export function exchange(port: number, request: Buffer, timeoutMs = 2_000): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const end = (answer: Buffer | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.once('data', end);
    socket.once('error', () => end(undefined));
    socket.once('close', () => end(undefined));
  });
}

/** Whether a GET request returns a 2xx status. */
export async function answersHttp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
