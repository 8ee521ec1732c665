import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root: string = fileURLToPath(new URL('../../../', import.meta.url));

/** Compiled sources, for `NODE_COMPILE_CACHE`: with it a service takes half the CPU to start. */
export const compileCache = join(root, 'node_modules', '.cache', 'compile');
