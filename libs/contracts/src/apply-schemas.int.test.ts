import { isDeepStrictEqual } from 'node:util';
import { openWorld, type World } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  applySchemas,
  applySubjects,
  type CompatibilityLevel,
  checkSchemas,
  checkSubjects,
  type Subject,
} from './apply-schemas.ts';
import { RegistryUnavailable } from './errors.ts';
import { RECORD_NAMES } from './records.ts';
import { openRegistry, type Registry } from './registry.ts';
import { registerUnder, removeSubject } from './testing/registry-subject.ts';

const used: string[] = [];
let world: World;
let registry: Registry;

beforeAll(async () => {
  world = await openWorld();
  registry = openRegistry(world.registryUrl);
});

afterAll(async () => {
  for (const subject of used) await removeSubject(world.registryUrl, subject);
  await world.close();
});

const USER = { name: 'user_id', type: 'string' };
const OPTIONAL = { name: 'more', type: 'string', default: '' };
const REQUIRED = { name: 'more', type: 'string' };

/** A subject that only this file uses. */
const subjectNamed = (name: string, level: CompatibilityLevel = 'BACKWARD_TRANSITIVE') => {
  const subject = `${world.topicPrefix}${name}`;
  used.push(subject);
  return (...fields: readonly object[]): Subject => ({
    subject,
    level,
    schema: JSON.stringify({ type: 'record', name: 'R', namespace: world.topicPrefix.slice(0, -1), fields }),
  });
};

test("this build's schemas are applied, and a second time nothing changes", async () => {
  const first = await applySchemas(world.registryUrl);
  expect(first.ok).toBe(true);
  expect(first.subjects.map(({ subject }) => subject)).toEqual(RECORD_NAMES.map((name) => `vault.v1.${name}`));
  expect(await applySchemas(world.registryUrl)).toEqual(first);
  expect(await checkSchemas(world.registryUrl)).toEqual(first);
});

test('a check reports an absent subject and writes nothing', async () => {
  const subject = subjectNamed('absent')(USER);
  const report = await checkSubjects(registry, [subject]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'absent', id: null }] });
  expect(await checkSubjects(registry, [subject])).toEqual(report);
});

test('a check reports a compatible change, and applying registers it as a version', async () => {
  const made = subjectNamed('grows');
  await applySubjects(registry, [made(USER)]);
  expect(await checkSubjects(registry, [made(USER, OPTIONAL)])).toMatchObject({
    subjects: [{ state: 'changed' }],
  });
  const report = await applySubjects(registry, [made(USER, OPTIONAL)]);
  expect(report).toMatchObject({ ok: true, subjects: [{ state: 'current', level: 'BACKWARD_TRANSITIVE' }] });
  expect(await checkSubjects(registry, [made(USER)])).toMatchObject({ ok: true });
});

test('one incompatible subject prevents all registrations', async () => {
  const [bad, good] = [subjectNamed('bad'), subjectNamed('good')];
  await applySubjects(registry, [bad(USER)]);
  const report = await applySubjects(registry, [good(USER), bad(USER, REQUIRED)]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'absent' }, { state: 'incompatible' }] });
  expect(await checkSubjects(registry, [good(USER)])).toMatchObject({ subjects: [{ state: 'absent' }] });
});

test('a schema is compared with every version, not only the latest', async () => {
  const made = subjectNamed('transitive');
  await applySubjects(registry, [made(USER)]);
  await applySubjects(registry, [made(USER, OPTIONAL)]);
  const report = await applySubjects(registry, [made(USER, REQUIRED)]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'incompatible' }] });
});

describe('state and audit', () => {
  const ENUM = (symbols: readonly string[]) => ({
    name: 'kind',
    type: { type: 'enum', name: 'Kind', symbols, default: 'UNKNOWN' },
  });

  test('keep every field without a default, for readers that are not upgraded yet', async () => {
    const made = subjectNamed('full', 'FULL_TRANSITIVE');
    await applySubjects(registry, [made(USER, REQUIRED)]);
    const report = await applySubjects(registry, [made(USER)]);
    expect(report).toMatchObject({ ok: false, subjects: [{ state: 'incompatible' }] });
  });

  test('may get a new symbol, because their enums have a default', async () => {
    const made = subjectNamed('symbols', 'FULL_TRANSITIVE');
    await applySubjects(registry, [made(ENUM(['UNKNOWN', 'A']))]);
    expect(await applySubjects(registry, [made(ENUM(['UNKNOWN', 'A', 'B']))])).toMatchObject({ ok: true });
  });
});

describe('a schema that differs from a registered one in what the Parsing Canonical Form leaves out', () => {
  const KIND = { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } };

  test('is registered where it differs in docs, and the report says whether the registry keeps the older docs', async () => {
    const made = subjectNamed('docs');
    const documented = made({ ...USER, doc: 'The user.' });
    await applySubjects(registry, [made(USER)]);
    const report = await applySubjects(registry, [documented]);
    expect(report).toMatchObject({ ok: true, subjects: [{ state: 'current' }] });
    const [{ id, docsDiffer } = expect.fail()] = report.subjects;
    const registered = JSON.parse((await registry.schemaOf(id ?? -1)) ?? 'null');
    expect(docsDiffer).toBe(registered.fields[0].doc === undefined);
  });

  test.each<[string, object, object]>([
    ['an enum default', KIND, { ...KIND, type: { ...KIND.type, default: 'A' } }],
    ['an alias', USER, { ...USER, aliases: ['user'] }],
    ['the default of a field', OPTIONAL, { ...OPTIONAL, default: 'other' }],
  ])('is not called registered unless the registry has its text: %s', async (what, before, after) => {
    const made = subjectNamed(what.replaceAll(' ', '-'));
    await applySubjects(registry, [made(before)]);
    const wanted = made(after);
    const report = await applySubjects(registry, [wanted]);
    const [{ state, id } = expect.fail()] = report.subjects;
    expect(['current', 'text_kept']).toContain(state);
    expect(report.ok).toBe(state === 'current');
    const registered = JSON.parse((await registry.schemaOf(id ?? -1)) ?? 'null');
    expect(isDeepStrictEqual(registered, JSON.parse(wanted.schema))).toBe(state === 'current');
    // Changed together with another field, it is a new version.
    const grown = await applySubjects(registry, [made(after, { ...OPTIONAL, name: 'further' })]);
    expect(grown).toMatchObject({ ok: true, subjects: [{ state: 'current' }] });
  });
});

test("a subject's level is corrected before schemas are compared", async () => {
  const made = subjectNamed('levelled', 'FULL_TRANSITIVE');
  const first = made(USER, REQUIRED);
  await registerUnder(world.registryUrl, first.subject, first.schema);
  await registry.ask('PUT', `/config/${first.subject}`, { compatibility: 'NONE' });
  expect(await checkSubjects(registry, [first])).toMatchObject({ ok: false, subjects: [{ level: 'NONE' }] });
  expect(await applySubjects(registry, [made(USER)])).toMatchObject({
    ok: false,
    subjects: [{ state: 'incompatible', level: 'FULL_TRANSITIVE' }],
  });
  expect(await applySubjects(registry, [first])).toMatchObject({ ok: true });
});

test('concurrent deployments all succeed', async () => {
  const subject = subjectNamed('at-once')(USER);
  const reports = await Promise.all([1, 2, 3, 4].map(() => applySubjects(registry, [subject])));
  expect(reports.map(({ ok }) => ok)).toEqual([true, true, true, true]);
});

test('a registry that does not answer is reported as unavailable', async () => {
  await expect(applySchemas('http://127.0.0.1:9/apis')).rejects.toThrow(RegistryUnavailable);
  await expect(checkSchemas('http://127.0.0.1:9/apis')).rejects.toThrow(RegistryUnavailable);
});
