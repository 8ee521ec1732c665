import { join } from 'node:path';
import { root, runPython } from '@vault-engine/local';
import { expect, test } from 'vitest';

const needs = { module: 'cryptography', requirement: 'cryptography==50.0.2' };

// The time is for a machine that has yet to fetch the package.
test('an engine that was written in Python from schemas/PROTOCOL.md alone agrees with every vector', async () => {
  const { ok, output } = await runPython(join(root, 'test/interop/engine.py'), needs);
  expect({ ok, output }).toEqual({ ok: true, output: 'the page and the vectors agree\n' });
}, 300_000);
