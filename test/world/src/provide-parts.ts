import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureParts, partEnvironment, partNames, removeAtEnd } from '@vault-engine/local';

/** Vitest's global setup: finds or starts the real parts once for a run, and tells the test processes by the environment. */
export default async function provideParts(): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vault-engine-test-'));
  removeAtEnd(dataDir);
  const log = (line: string) => console.log(`parts · ${line}`);
  const parts = await ensureParts({ names: partNames, dataDir, ports: 'free', log });
  Object.assign(process.env, { ...partEnvironment(parts.addresses) });
  return () => parts.stop();
}
