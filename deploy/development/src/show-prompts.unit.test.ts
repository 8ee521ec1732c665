import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { limitPrompts, refreshLine, showPrompts } from './show-prompts.ts';

it('prints prompts and no log records', () => {
  const limit = limitPrompts('sync.log', () => 0);
  expect(limit(['{"level":"info"}', 'u1: reconnect Notion', ''])).toEqual(['sync · u1: reconnect Notion']);
});

it('prints three prompts in ten seconds, and counts the others', () => {
  let now = 0;
  const limit = limitPrompts('sync.log', () => now);
  const many = Array.from({ length: 8 }, (_, index) => `u${index}: connect`);
  expect(limit(many)).toEqual(['sync · u0: connect', 'sync · u1: connect', 'sync · u2: connect']);
  now = 9_999;
  expect(limit(['u8: connect'])).toEqual([]);
  now = 10_000;
  expect(limit(['u9: connect'])).toEqual(['sync · 6 more prompts in sync.log', 'sync · u9: connect']);
  now = 20_000;
  expect(limit([])).toEqual([]);
});

it('prints a line for each refresh that the OAuth server answered', () => {
  const record = (message: string, result: string) => JSON.stringify({ level: 'info', time: 'T', message, result });
  expect(refreshLine(record('refresh request answered', 'refreshed'))).toEqual(['demo · T token refreshed']);
  expect(refreshLine(record('refresh request answered', 'refused'))).toEqual(['demo · T token refresh refused']);
  expect(refreshLine(record('authorization server listening', ''))).toEqual([]);
});

it('prints new prompts as whole lines, also after the file was emptied, until it is stopped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-prompts-'));
  const stopping = new AbortController();
  try {
    const file = join(folder, 'sync.log');
    await writeFile(file, '{"a":1}\nu1: conn');
    const seen: string[] = [];
    const showing = showPrompts(file, (line) => seen.push(line), stopping.signal);
    await appendFile(file, 'ect\n');
    await vi.waitFor(() => expect(seen).toEqual(['sync · u1: connect']), 5_000);
    await writeFile(file, 'u2: a\n');
    await vi.waitFor(() => expect(seen).toEqual(['sync · u1: connect', 'sync · u2: a']), 5_000);
    stopping.abort();
    await showing;
    expect(seen).toHaveLength(2);
  } finally {
    stopping.abort();
    await rm(folder, { recursive: true });
  }
});
