import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ADVICE } from './advice.ts';
import { readLogMessages } from './read-log-calls.ts';
import { renderLogs } from './render-logs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
writeFileSync(`${root}docs/LOGS.md`, renderLogs(readLogMessages(root), ADVICE));
