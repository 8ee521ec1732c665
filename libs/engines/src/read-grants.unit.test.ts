import { readFileSync } from 'node:fs';
import { COMMAND_NAMES } from '@vault-engine/contracts';
import { expect, test } from 'vitest';
import { readGrants } from './read-grants.ts';

const OPERATIONS = ['GetToken', 'StoreToken'];

const fileWith = (engine: string, body: string): string => `engines:\n  ${engine}: ${body}\n`;
const GOOD = '{ rate: { per_second: 5, burst: 9 }, grants: [{ operations: [GetToken], platforms: [gmail] }] }';

const faultsIn = (yaml: string): readonly string[] => {
  const read = readGrants(yaml, OPERATIONS);
  return read.ok ? [] : read.faults.map(({ path }) => path);
};

test('a grants file has engines with their rates and grants', () => {
  expect(readGrants(fileWith('sync', GOOD), OPERATIONS)).toEqual({
    ok: true,
    value: new Map([
      ['sync', { grants: [{ operations: ['GetToken'], platforms: ['gmail'] }], rate: { perSecond: 5, burst: 9 } }],
    ]),
  });
});

test('deploy/engines.yaml is valid, and the sync engine may only read', () => {
  const read = readGrants(
    readFileSync(new URL('../../../deploy/engines.yaml', import.meta.url), 'utf8'),
    COMMAND_NAMES,
  );
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  expect([...read.value.keys()]).toEqual(['action', 'sync', 'local']);
  expect(read.value.get('sync')?.grants.flatMap(({ operations }) => operations)).toEqual(['GetToken', 'GetStatus']);
});

test.each([
  { title: 'an invalid engine id', yaml: fileWith('Sync', GOOD), at: 'engines.Sync' },
  { title: "the gateway's id", yaml: fileWith('gateway', GOOD), at: 'engines.gateway' },
  {
    title: 'an unknown operation',
    yaml: fileWith('sync', GOOD.replace('GetToken', 'Delete')),
    at: 'engines.sync.grants.0.operations.0',
  },
  {
    title: 'an invalid platform',
    yaml: fileWith('sync', GOOD.replace('gmail', 'G*')),
    at: 'engines.sync.grants.0.platforms.0',
  },
  {
    title: 'no operation',
    yaml: fileWith('sync', GOOD.replace('GetToken', '')),
    at: 'engines.sync.grants.0.operations',
  },
  { title: 'a rate of zero', yaml: fileWith('sync', GOOD.replace('5', '0')), at: 'engines.sync.rate.per_second' },
  { title: 'a fractional rate', yaml: fileWith('sync', GOOD.replace('9', '9.5')), at: 'engines.sync.rate.burst' },
  { title: 'no rate', yaml: fileWith('sync', '{ grants: [] }'), at: 'engines.sync.rate' },
  { title: 'an unknown setting', yaml: fileWith('sync', GOOD.replace('grants', 'grant')), at: 'engines.sync' },
  { title: 'no engines', yaml: 'engine: {}', at: 'engines' },
  { title: 'an empty file', yaml: '', at: '' },
  { title: 'invalid YAML', yaml: 'engines: {', at: '1:11' },
  { title: 'the same engine twice', yaml: `engines:\n  a: ${GOOD}\n  a: ${GOOD}\n`, at: '3:3' },
])('$title is rejected, with its path', ({ yaml, at }) => {
  expect(faultsIn(yaml)).toContain(at);
});

test('all faults are returned', () => {
  const yaml = fileWith('sync', '{ rate: { per_second: 0, burst: 0 } }');
  expect(faultsIn(yaml)).toEqual(['engines.sync.rate.per_second', 'engines.sync.rate.burst', 'engines.sync.grants']);
});

test('a fault says what to write, and quotes nothing of the file', () => {
  const faults = (yaml: string) => {
    const read = readGrants(yaml, ['GetToken']);
    return read.ok ? [] : read.faults.map(({ path, problem }) => `${path}: ${problem}`);
  };
  expect(faults('# notes\nkey: [unclosed SECRET\n')).toEqual([
    expect.stringMatching(/^\d+:\d+: not valid YAML \([A-Z_]+\)$/),
  ]);
  expect(faults('engines: { a: { rate: { per_second: 1, burst: 1 } } }')).toEqual([
    'engines.a.grants: missing; expected a list',
  ]);
  expect(faults('engines: { a: { rate: { per_second: 9999999999, burst: 0 }, grants: [] } }')).toEqual([
    'engines.a.rate.per_second: expected at most 1000000',
    'engines.a.rate.burst: expected at least 1',
  ]);
  expect(
    faults('engines: { a: { rate: { per_second: 1, burst: 1 }, grants: [{ operations: [Get], platforms: ["*"] }] } }'),
  ).toEqual(['engines.a.grants.0.operations.0: expected one of GetToken']);
});
