import { writeFile } from 'node:fs/promises';
import { profileJsonSchema } from './profile-schema.ts';

/** `npm run schema -w libs/platforms` runs this file. A unit test fails while the written schema is out of date. */
await writeFile(new URL('../../../../platform-profiles/profile.schema.json', import.meta.url), profileJsonSchema());
