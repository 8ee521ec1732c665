import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Cuts what a kill left half-written off the end of Redis's append-only log, back to the last whole transaction. Redis's
 * own repair at loading (`aof-load-truncated yes`) cuts after the last whole command and leaves a torn MULTI open: what is
 * written next becomes part of it, and the restart after that replays half a script (seen on 7.0.15; valkey-io/valkey
 * #4342 mends it there). So the log is mended here, and Redis is told to refuse a torn one.
 *
 * @param folder Redis's `dir`
 * @throws when the log can't be mended
 */
export async function mendAppendOnlyLog(folder: string): Promise<void> {
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest');
  if (!existsSync(manifest)) return;
  const mender = spawn('redis-check-aof', ['--fix', manifest], { stdio: ['pipe', 'ignore', 'ignore'] });
  // It asks before it cuts, and only then; where it asks nothing it may be gone before it reads.
  mender.stdin.on('error', () => undefined);
  mender.stdin.end('y\n');
  const [code] = await once(mender, 'exit');
  if (code !== 0) throw new Error(`redis-check-aof can not mend ${manifest} (exit code ${code})`);
}
