import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Where the next look begins. */
let next = Number.NaN;

/**
 * A free port on loopback, or the first of so many in a row. Below the ephemeral range (Linux: 32768 and up), where a client that
 * reconnects to a stopped part could be given the part's own port as its source and keep it. Ports are handed out in their order,
 * from one at random on, so that none is handed out again before whoever got it listens there. Who looks for some at the same time
 * as other processes has a range of its own, `VAULT_FREE_PORTS=<from>-<to>`.
 */
export async function freePort(inARow = 1, random: () => number = Math.random): Promise<number> {
  const [from = 0, to = 0] = (process.env['VAULT_FREE_PORTS'] ?? '20000-31999').split('-').map(Number);
  const last = to + 1 - inARow;
  if (!(next >= from && next <= to + 1)) next = from + Math.floor(random() * (last + 1 - from));
  for (let looked = from; looked <= to; looked++) {
    const port = next > last ? from : next;
    next = port + inARow;
    const free = await Promise.all(Array.from({ length: inARow }, (_, offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error(`no free port between ${from} and ${to}`);
}

/** Whether a server could listen on this port of loopback now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Who listens on a port, as `redis-server (pid 12)`; undefined where the system does not tell. Linux only. */
export async function portHolder(port: number): Promise<string | undefined> {
  const sockets = await listeningSockets(port);
  if (sockets.size === 0) return undefined;
  const pids = (await entries('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsOneOf(pid, sockets))) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'process');
    return `${name.trim()} (pid ${pid})`;
  }
  return undefined;
}

/** proc(5), /proc/net/tcp: local address and port in hex, state 0A for LISTEN, the socket's inode in the tenth column. */
async function listeningSockets(port: number): Promise<Set<string>> {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => ''));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await Promise.all(tables)).flatMap((table) => table.split('\n').map((row) => row.trim().split(/\s+/)));
  const listening = rows.filter((row) => row[1]?.endsWith(suffix) && row[3] === '0A');
  return new Set(listening.map((row) => `socket:[${row[9]}]`));
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const files = await entries(`/proc/${pid}/fd`);
  const links = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return links.some((link) => sockets.has(link));
}

function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
