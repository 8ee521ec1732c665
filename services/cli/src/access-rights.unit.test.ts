import type { KafkaOperation, TopicAccess } from '@vault-engine/bus';
import { expect, test } from 'vitest';
import { findProblems, grantLines, ROLES, resourcesOf, rightsOf } from './access-rights.ts';

const NAMES = { prefix: '', engine: 'sync', clientId: 'vault-client-sync' };

const granted = (...operations: readonly KafkaOperation[]): TopicAccess => ({
  state: 'present',
  operations: new Set(operations),
});

test('every role names topics or groups, and each right has an operation', () => {
  for (const role of ROLES) {
    const rights = rightsOf(role, NAMES);
    expect(rights.length).toBeGreaterThan(0);
    for (const { operations } of rights) expect(operations.length).toBeGreaterThan(0);
  }
});

test('a right is granted by one kafka-acls command, with a prefix where it covers many resources', () => {
  expect(grantLines(rightsOf('engine', NAMES), 'User:sync')).toEqual([
    "kafka-acls --bootstrap-server \"$BROKERS\" --add --allow-principal 'User:sync' --operation Write --topic 'vault.commands'",
    "kafka-acls --bootstrap-server \"$BROKERS\" --add --allow-principal 'User:sync' --operation Read --topic 'vault.replies.sync'",
    "kafka-acls --bootstrap-server \"$BROKERS\" --add --allow-principal 'User:sync' --operation Read --group 'vault-client-sync.follower.' --resource-pattern-type prefixed",
  ]);
});

test('missing operations, hidden and missing topics, and unknown groups are all named', () => {
  const rights = [...rightsOf('engine', NAMES), ...rightsOf('state-reader', NAMES)];
  const problems = findProblems(rights, {
    topics: new Map<string, TopicAccess>([
      ['vault.commands', granted('READ', 'DESCRIBE')],
      ['vault.replies.sync', { state: 'hidden', operations: new Set() }],
      ['vault.connection-state', { state: 'missing', operations: new Set() }],
      ['vault.platforms', granted('READ')],
    ]),
    groups: new Map(resourcesOf(rights).groups.map((group) => [group, null])),
    cluster: new Set(),
  });
  expect(problems.map(({ resource, problem }) => `${resource}: ${problem}`)).toEqual([
    'topic vault.commands: lacks WRITE',
    'topic vault.replies.sync: lacks READ',
    expect.stringMatching(/^groups vault-client-sync.follower.\*: unknown: no group coordinator/),
    expect.stringMatching(/^topic vault.connection-state: unknown: .* does not exist/),
    expect.stringMatching(/^groups vault-client-sync.follower.\*: unknown: no group coordinator/),
  ]);
});

test('a principal with all operations has no problem', () => {
  for (const role of ROLES) {
    const rights = rightsOf(role, NAMES);
    const all: ReadonlySet<KafkaOperation> = new Set(rights.flatMap(({ operations }) => operations));
    const { topics, groups } = resourcesOf(rights);
    const answer = {
      topics: new Map(topics.map((topic) => [topic, granted(...all)])),
      groups: new Map(groups.map((group) => [group, all])),
      cluster: all,
    };
    expect(findProblems(rights, answer)).toEqual([]);
  }
});
