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
import { askRegistry } from './registry.ts';
import { registerUnder, removeSubject } from './testing/registry-subject.ts';

const used: string[] = [];
let world: World;

beforeAll(async () => {
  world = await openWorld();
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
  const report = await checkSubjects(world.registryUrl, [subject]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'absent', id: null }] });
  expect(await checkSubjects(world.registryUrl, [subject])).toEqual(report);
});

test('a check reports a compatible change, and applying registers it as a version', async () => {
  const made = subjectNamed('grows');
  await applySubjects(world.registryUrl, [made(USER)]);
  expect(await checkSubjects(world.registryUrl, [made(USER, OPTIONAL)])).toMatchObject({
    subjects: [{ state: 'changed' }],
  });
  const report = await applySubjects(world.registryUrl, [made(USER, OPTIONAL)]);
  expect(report).toMatchObject({ ok: true, subjects: [{ state: 'current', level: 'BACKWARD_TRANSITIVE' }] });
  expect(await checkSubjects(world.registryUrl, [made(USER)])).toMatchObject({ ok: true });
});

test('one incompatible subject prevents all registrations', async () => {
  const [bad, good] = [subjectNamed('bad'), subjectNamed('good')];
  await applySubjects(world.registryUrl, [bad(USER)]);
  const report = await applySubjects(world.registryUrl, [good(USER), bad(USER, REQUIRED)]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'absent' }, { state: 'incompatible' }] });
  expect(await checkSubjects(world.registryUrl, [good(USER)])).toMatchObject({ subjects: [{ state: 'absent' }] });
});

test('a schema is compared with every version, not only the latest', async () => {
  const made = subjectNamed('transitive');
  await applySubjects(world.registryUrl, [made(USER)]);
  await applySubjects(world.registryUrl, [made(USER, OPTIONAL)]);
  const report = await applySubjects(world.registryUrl, [made(USER, REQUIRED)]);
  expect(report).toMatchObject({ ok: false, subjects: [{ state: 'incompatible' }] });
});

describe('state and audit', () => {
  const ENUM = (symbols: readonly string[]) => ({
    name: 'kind',
    type: { type: 'enum', name: 'Kind', symbols, default: 'UNKNOWN' },
  });

  test('keep every field without a default, for readers that are not upgraded yet', async () => {
    const made = subjectNamed('full', 'FULL_TRANSITIVE');
    await applySubjects(world.registryUrl, [made(USER, REQUIRED)]);
    const report = await applySubjects(world.registryUrl, [made(USER)]);
    expect(report).toMatchObject({ ok: false, subjects: [{ state: 'incompatible' }] });
  });

  test('may get a new symbol, because their enums have a default', async () => {
    const made = subjectNamed('symbols', 'FULL_TRANSITIVE');
    await applySubjects(world.registryUrl, [made(ENUM(['UNKNOWN', 'A']))]);
    expect(await applySubjects(world.registryUrl, [made(ENUM(['UNKNOWN', 'A', 'B']))])).toMatchObject({ ok: true });
  });
});

test("a subject's level is corrected before schemas are compared", async () => {
  const made = subjectNamed('levelled', 'FULL_TRANSITIVE');
  const first = made(USER, REQUIRED);
  await registerUnder(world.registryUrl, first.subject, first.schema);
  await askRegistry(world.registryUrl, 'PUT', `/config/${first.subject}`, { compatibility: 'NONE' });
  expect(await checkSubjects(world.registryUrl, [first])).toMatchObject({ ok: false, subjects: [{ level: 'NONE' }] });
  expect(await applySubjects(world.registryUrl, [made(USER)])).toMatchObject({
    ok: false,
    subjects: [{ state: 'incompatible', level: 'FULL_TRANSITIVE' }],
  });
  expect(await applySubjects(world.registryUrl, [first])).toMatchObject({ ok: true });
});

test('concurrent deployments all succeed', async () => {
  const subject = subjectNamed('at-once')(USER);
  const reports = await Promise.all([1, 2, 3, 4].map(() => applySubjects(world.registryUrl, [subject])));
  expect(reports.map(({ ok }) => ok)).toEqual([true, true, true, true]);
});

test('a registry that does not answer is reported as unavailable', async () => {
  await expect(applySchemas('http://127.0.0.1:9/apis')).rejects.toThrow(RegistryUnavailable);
  await expect(checkSchemas('http://127.0.0.1:9/apis')).rejects.toThrow(RegistryUnavailable);
});
