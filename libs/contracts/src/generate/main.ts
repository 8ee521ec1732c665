import { writeFileSync } from 'node:fs';
import { GENERATED, renderAll } from './render.ts';

for (const [file, text] of Object.entries(renderAll())) {
  writeFileSync(new URL(file, GENERATED), text);
  console.log(`wrote src/generated/${file}`);
}
