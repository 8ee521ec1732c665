import { fieldOf, openRegistry } from '../registry.ts';

/** For tests: registers `schema` under a subject of the test and returns its id. Shared subjects are not changed. */
export const registerUnder = async (url: string, subject: string, schema: string): Promise<number> => {
  const { status, body } = await openRegistry(url).ask('POST', `/subjects/${subject}/versions`, { schema });
  const id = fieldOf(body, 'id');
  if (status !== 200 || typeof id !== 'number') throw new Error(`${subject} was not registered: ${status}`);
  return id;
};

/** For tests: removes a subject if it exists. */
export const removeSubject = async (url: string, subject: string): Promise<void> => {
  for (const how of ['', '?permanent=true']) await fetch(`${url}/subjects/${subject}${how}`, { method: 'DELETE' });
};
