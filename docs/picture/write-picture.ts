import { writeFileSync } from 'node:fs';
import { drawDataFlow } from './draw-data-flow.ts';

writeFileSync(new URL('../data-flow.svg', import.meta.url), drawDataFlow());
