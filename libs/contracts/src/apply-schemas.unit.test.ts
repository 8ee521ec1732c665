import { expect, test } from 'vitest';
import { applySubjects, type Subject } from './apply-schemas.ts';
import type { Registry, RegistryAnswer } from './registry.ts';

const schemaOf = (kind: object | string): string =>
  JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'kind', type: kind, doc: 'A kind.' }] });
const KIND = { type: 'enum', name: 'Kind', symbols: ['A', 'B'] };

/** A registry with one version of the subject `r`, which takes `known` schemas for it. */
const registryOf = (text: string, known: (schema: string) => boolean) => {
  const registered: string[] = [];
  const asked: string[] = [];
  const answers: Readonly<Record<string, RegistryAnswer>> = {
    'GET /config/r': { status: 200, body: { compatibilityLevel: 'BACKWARD_TRANSITIVE' } },
    'GET /subjects/r/versions': { status: 200, body: [3, 5] },
    'POST /compatibility/subjects/r/versions/3?verbose=true': { status: 200, body: { is_compatible: true } },
    'POST /compatibility/subjects/r/versions/5?verbose=true': {
      status: 200,
      body: { is_compatible: false, messages: ['no'] },
    },
  };
  const registry: Registry = {
    idOf: async (_subject, schema) => (known(schema) ? 1 : null),
    schemaOf: async () => text,
    register: async ({ schema }) => void registered.push(schema),
    ask: async (method, path) => {
      asked.push(`${method} ${path}`);
      return answers[`${method} ${path}`] ?? expect.fail(`no such resource: ${method} ${path}`);
    },
  };
  return { registry, registered, asked };
};
const subjectOf = (schema: string): Subject => ({ subject: 'r', schema, level: 'BACKWARD_TRANSITIVE' });

test('a registry that keeps an older text without the default of an enum is reported, and nothing is registered', async () => {
  const { registry, registered } = registryOf(schemaOf(KIND), () => true);
  const report = await applySubjects(registry, [subjectOf(schemaOf({ ...KIND, default: 'A' }))]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'text_kept', id: 1 }] });
  expect(registered).toEqual([]);
});

test('a registry that keeps older docs is reported, and is as good as current', async () => {
  const { registry } = registryOf(schemaOf({ ...KIND, doc: 'Old.' }), () => true);
  const report = await applySubjects(registry, [subjectOf(schemaOf({ ...KIND, doc: 'New.' }))]);
  expect(report).toMatchObject({ ok: true, subjects: [{ state: 'current', docsDiffer: true }] });
});

test('a schema is compared version by version, by the resource that every registry has', async () => {
  const { registry, registered, asked } = registryOf(schemaOf(KIND), () => false);
  const report = await applySubjects(registry, [subjectOf(schemaOf('string'))]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'incompatible', messages: ['no'] }] });
  expect(registered).toEqual([]);
  expect(asked.filter((each) => each.includes('compatibility'))).toEqual([
    'POST /compatibility/subjects/r/versions/3?verbose=true',
    'POST /compatibility/subjects/r/versions/5?verbose=true',
  ]);
});
