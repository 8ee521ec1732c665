import type * as z from 'zod';
import type { profileSchema } from './profile-schema.ts';

/** A profile as it stands in a file: what is left out has its default. */
export type WrittenProfile = z.input<typeof profileSchema>;
