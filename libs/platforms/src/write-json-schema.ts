import { writeFile } from 'node:fs/promises';
import { profileJsonSchema } from './profile-json-schema.ts';

/** Run by `npm run schema`; a test tells when it has to be run again. */
await writeFile(new URL('../../../platform-profiles/profile.schema.json', import.meta.url), profileJsonSchema());
