import { writeFileSync } from 'node:fs';
import { VECTORS_FOLDER, vectors } from './vectors.ts';

for (const [name, vector] of Object.entries(vectors)) {
  writeFileSync(new URL(`${name}.json`, VECTORS_FOLDER), `${JSON.stringify(vector, null, 2)}\n`);
}
