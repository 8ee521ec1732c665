import { askRegistry } from '../registry-rest.ts';

/** For tests: registers `schema` under a subject of the test's own and answers its id. The shared subjects stay as they are. */
export const registerUnder = async (url: string, subject: string, schema: string): Promise<number> => {
  const { status, body } = await askRegistry(url, 'POST', `/subjects/${subject}/versions`, { schema });
  if (status !== 200 || typeof body['id'] !== 'number') throw new Error(`${subject} was not registered: ${status}`);
  return body['id'];
};

/** For tests: removes a subject; that there is none is as good. */
export const removeSubject = async (url: string, subject: string): Promise<void> => {
  for (const how of ['', '?permanent=true']) await fetch(`${url}/subjects/${subject}${how}`, { method: 'DELETE' });
};
