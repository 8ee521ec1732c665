import { askRegistry } from '../registry.ts';

/** For tests: registers `schema` under a subject of the test and returns its id. Shared subjects are not changed. */
export const registerUnder = async (url: string, subject: string, schema: string): Promise<number> => {
  const { status, body } = await askRegistry(url, 'POST', `/subjects/${subject}/versions`, { schema });
  if (status !== 200 || typeof body['id'] !== 'number') throw new Error(`${subject} was not registered: ${status}`);
  return body['id'];
};

/** For tests: removes a subject if it exists. */
export const removeSubject = async (url: string, subject: string): Promise<void> => {
  for (const how of ['', '?permanent=true']) await fetch(`${url}/subjects/${subject}${how}`, { method: 'DELETE' });
};
