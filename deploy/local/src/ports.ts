import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/** The next candidate. */
let next = Number.NaN;

/**
 * Returns a free port on loopback, or the first of `inARow` consecutive free ones. The range lies below the ephemeral ports (Linux:
 * 32768 and up): a client that reconnects to a stopped part could otherwise be assigned the part's port as its source port. Ports
 * are returned in ascending order from a random start, so that a port is not returned twice before its user listens. Processes that
 * look for ports at the same time get separate ranges by `VAULT_FREE_PORTS=<from>-<to>`.
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

/** Whether a server can listen on this port of loopback. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The process that listens on a port, as `redis-server (pid 12)`; undefined if unknown. Linux only. */
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
