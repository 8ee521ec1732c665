import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RECORD_NAMES, subjectOf } from '@vault-engine/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

let here: CliWorld;

beforeAll(async () => {
  here = await openCliWorld();
});

afterAll(async () => {
  await here.close();
});

test('apply registers the schemas, and check then finds no difference', async () => {
  expect(await here.vault(['schemas', 'apply'])).toMatchObject({ code: 0 });
  const registered = { code: 0, out: ['all schemas are registered'], err: [] };
  expect(await here.vault(['schemas', 'apply'])).toEqual(registered);
  expect(await here.vault(['schemas', 'check'])).toEqual(registered);
  const { out } = await here.vault(['schemas', 'check', '--json']);
  expect(JSON.parse(out.join(''))).toMatchObject({ ok: true });
});

test('check names each missing subject', async () => {
  const empty = createServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error_code":40401}');
  });
  await new Promise<void>((resolve) => empty.listen(0, '127.0.0.1', resolve));
  const { port } = empty.address() as AddressInfo; // it listens on a port
  try {
    const { code, out, err } = await here.vault(['schemas', 'check'], {
      env: { VAULT_REGISTRY_URL: `http://127.0.0.1:${port}` },
    });
    expect(code).toBe(1);
    for (const name of RECORD_NAMES) expect(out).toContain(`${subjectOf(name)}: missing`);
    expect(err).toEqual(['the registry differs; npm run vault -- schemas apply registers the schemas']);
  } finally {
    empty.close();
  }
});
