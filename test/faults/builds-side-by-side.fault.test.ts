import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readTopic } from '@vault-engine/bus';
import { unframe } from '@vault-engine/contracts';
import { type RunningPart, root, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import type { OtherBuild } from './other-schemas.ts';

/** A registry of its own: other tests' subjects hold one version only. */
let registry: RunningPart;
let at: FaultVault;
beforeAll(async () => {
  registry = await startPart('registry');
  at = await openFaultVault({ parts: { registryUrl: registry.address }, timeoutMs: 15_000 });
});
afterAll(async () => {
  await at.close();
  await registry.stop();
});

/** Our build is the newer one beside `older`, and the older one beside `newer`; so are the engines, whose build is ours. */
it.each<OtherBuild>(['newer', 'older'])(
  'serves every engine while workers of ours are replaced by those of a build with %s schemas, and back again',
  async (build) => {
    const writers = await writersOfTokens();
    await applySchemasAs(build);
    const { checked } = await at.prove({
      name: build,
      users: 20,
      stepsPerUser: Number.POSITIVE_INFINITY,
      paceMs: 20,
      during: async (traffic, random) => {
        const ours = at.worker();
        const other = await at.startWorker(as(build));
        await traffic.answered(traffic.count() + 100 + random.int(100));
        await ours.stop();
        await traffic.answered(traffic.count() + 200);
        await at.startWorker();
        await traffic.answered(traffic.count() + 100 + random.int(100));
        await other.stop();
        await traffic.answered(traffic.count() + 100);
      },
    });
    expect(checked.errors).toBe(0);
    expect((await writersOfTokens()).size).toBe(writers.size + (writers.size === 0 ? 2 : 1));
  },
);

/** What makes a process that of another build. */
const as = (build: OtherBuild): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL(`preload/another-build.ts?build=${build}`, import.meta.url).href}`,
});

/** What a deployment of that build begins with. */
const applySchemasAs = async (build: OtherBuild): Promise<void> => {
  const env = { ...process.env, ...as(build), VAULT_ENV: 'development', VAULT_REGISTRY_URL: registry.address };
  await promisify(execFile)(process.execPath, [join(root, 'services/cli/src/main.ts'), 'schemas', 'apply'], { env });
};

/** The schemas that tokens were handed out with, by their ids. */
const writersOfTokens = async (): Promise<ReadonlySet<number>> => {
  const ids = new Set<number>();
  for await (const { value } of readTopic(at.vault.bus, at.vault.topics.replies('sync'))) {
    const framed = unframe(value);
    const decoded = await at.vault.codec.decode(value);
    if (framed.ok && decoded.ok && decoded.name === 'TokenIssued') ids.add(framed.id);
  }
  return ids;
};
