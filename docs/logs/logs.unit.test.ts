import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ADVICE } from './advice.ts';
import { readLogMessages } from './read-log-calls.ts';
import { renderLogs, wantAdvice } from './render-logs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const messages = readLogMessages(root);

it('docs/LOGS.md lists every log message of the sources, as `npm run docs:logs` writes it', () => {
  expect(readFileSync(`${root}docs/LOGS.md`, 'utf8')).toBe(renderLogs(messages, ADVICE));
});

it('every warning and error says what to do, and no advice is left over', () => {
  const advised = Object.keys(ADVICE).sort();
  expect(wantAdvice(messages).filter((message) => !Object.hasOwn(ADVICE, message))).toEqual([]);
  expect(advised.filter((message) => !messages.some((known) => known.message === message))).toEqual([]);
});

it('a message begins in lower case, has no full stop at its end, and holds no value', () => {
  const odd = messages.filter(({ message }) => !/^[a-z][^$]*[^.!]$/.test(message)).map(({ message }) => message);
  expect(odd).toEqual([]);
});
