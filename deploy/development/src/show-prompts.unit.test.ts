import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { shown, showPrompts } from './show-prompts.ts';

it('prints prompts and no log records, a few at a time', () => {
  expect(shown(['{"level":"info"}', 'u1: reconnect Notion', ''], 'sync.log')).toEqual(['sync · u1: reconnect Notion']);
  const many = Array.from({ length: 8 }, (_, index) => `u${index}: connect`);
  expect(shown(many, 'sync.log').slice(4)).toEqual(['sync · u4: connect', 'sync · and 3 more in sync.log']);
});

it('prints new prompts as whole lines until it is stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-prompts-'));
  const stopping = new AbortController();
  try {
    const file = join(folder, 'sync.log');
    await writeFile(file, '{"a":1}\nu1: conn');
    const seen: string[] = [];
    const showing = showPrompts(file, (line) => seen.push(line), stopping.signal);
    await appendFile(file, 'ect\nu2: recon');
    await vi.waitFor(() => expect(seen).toEqual(['sync · u1: connect']), 5_000);
    stopping.abort();
    await showing;
    expect(seen).toHaveLength(1);
  } finally {
    stopping.abort();
    await rm(folder, { recursive: true });
  }
});
