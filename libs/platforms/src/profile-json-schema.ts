import * as z from 'zod';
import { profileSchema } from './profile-schema.ts';

/**
 * The JSON schema that editors check a profile with, as text. Nothing is required in it, since a family may supply what
 * a file leaves out: what is missing in the end is found by `loadProfiles`.
 */
export const profileJsonSchema = (): string => {
  const schema = z.toJSONSchema(profileSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      delete jsonSchema.required;
    },
  });
  return `${JSON.stringify({ title: 'Platform profile', ...schema }, null, 2)}\n`;
};
