import type { AuthorizedOperations, KafkaOperation } from '@vault-engine/bus';
import { GATEWAY, topicNames } from '@vault-engine/contracts';

/** The principals of a deployment, by what they do. `engine`, `state-reader`, `auditor` and `monitor` stand for any number of them. */
export const ROLES = [
  'command-worker',
  'refresh-scheduler',
  'status-projector',
  'gateway',
  'engine',
  'state-reader',
  'auditor',
  'operator',
  'monitor',
] as const;

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** The rights of a role on one resource. Their `operations` imply DESCRIBE. */
export interface Right {
  readonly resource: 'topic' | 'group' | 'cluster';
  /** The resource's name, or the prefix of all names; null for the cluster. */
  readonly name: string | null;
  readonly isPrefix: boolean;
  readonly operations: readonly KafkaOperation[];
  /** A name to ask the brokers about, for a prefix. */
  readonly example: string | null;
}

/** Names that the rights depend on. */
export interface RightsOptions {
  readonly prefix: string;
  /** The engine, for the role `engine`. */
  readonly engine: string;
  /** The client id of an engine, a reader of the state or an auditor, with which its follower groups begin. */
  readonly clientId: string;
}

/**
 * The smallest rights of a role. A service reads the settings of its topics (DESCRIBE_CONFIGS) to compare them with the declaration. A reader of a table follows it in a group of its own, `<clientId>.follower.<uuid>`, and so needs
 * READ on those groups. An idempotent producer needs no cluster right (Kafka 3.0 and newer).
 */
export const rightsOf = (role: Role, { prefix, engine, clientId }: RightsOptions): readonly Right[] => {
  const topics = topicNames(prefix);
  switch (role) {
    case 'command-worker':
      return [
        onTopic(topics.commands, 'READ', 'DESCRIBE_CONFIGS'),
        onTopic(topics.engines, 'READ', 'DESCRIBE_CONFIGS'),
        onGroup(`${prefix}vault.command-worker`),
        followers('command-worker'),
        onTopics(topics.replies(''), topics.replies(GATEWAY), 'WRITE'),
        onTopic(topics.auditLog, 'WRITE', 'DESCRIBE_CONFIGS'),
        onTopic(topics.connectionEvents, 'WRITE', 'DESCRIBE_CONFIGS'),
        onTopic(topics.commandsDlt, 'WRITE', 'DESCRIBE_CONFIGS'),
      ];
    case 'refresh-scheduler':
      return [
        onTopic(topics.auditLog, 'WRITE', 'DESCRIBE_CONFIGS'),
        onTopic(topics.connectionEvents, 'WRITE', 'DESCRIBE_CONFIGS'),
      ];
    case 'status-projector':
      return [
        onTopic(topics.connectionEvents, 'READ', 'DESCRIBE_CONFIGS'),
        onTopic(topics.connectionState, 'READ', 'WRITE', 'DESCRIBE_CONFIGS'),
        onGroup(`${prefix}vault.status-projector`),
        followers('status-projector'),
      ];
    case 'gateway':
      return [
        onTopic(topics.commands, 'WRITE', 'DESCRIBE_CONFIGS'),
        onTopic(topics.auditLog, 'WRITE', 'DESCRIBE_CONFIGS'),
        onTopic(topics.replies(GATEWAY), 'READ'),
        onTopic(topics.engines, 'READ', 'DESCRIBE_CONFIGS'),
        followers('gateway'),
      ];
    case 'engine':
      return [onTopic(topics.commands, 'WRITE'), onTopic(topics.replies(engine), 'READ'), followers(clientId)];
    case 'state-reader':
      return [onTopic(topics.connectionState, 'READ'), onTopic(topics.platforms, 'READ'), followers(clientId)];
    case 'auditor':
      return [onTopic(topics.auditLog, 'READ'), followers(clientId)];
    case 'operator':
      return [
        onTopics(`${prefix}vault.`, topics.commands, 'CREATE', 'ALTER', 'ALTER_CONFIGS'),
        onTopic(topics.engines, 'READ', 'WRITE'),
        onTopic(topics.platforms, 'READ', 'WRITE'),
        onTopic(topics.connectionState, 'READ', 'WRITE'),
        onTopic(topics.commandsDlt, 'READ', 'DELETE'),
        onTopic(topics.auditLog, 'READ', 'WRITE'),
        followers('vault-cli'),
        onCluster('ALTER'),
      ];
    case 'monitor':
      return [
        onTopics(`${prefix}vault.`, topics.commands, 'DESCRIBE'),
        onGroup(`${prefix}vault.command-worker`, 'DESCRIBE'),
        onGroup(`${prefix}vault.status-projector`, 'DESCRIBE'),
      ];
  }
};

const onTopic = (name: string, ...operations: readonly KafkaOperation[]): Right => ({
  resource: 'topic',
  name,
  isPrefix: false,
  operations,
  example: null,
});

const onTopics = (prefix: string, example: string, ...operations: readonly KafkaOperation[]): Right => ({
  ...onTopic(prefix, ...operations),
  isPrefix: true,
  example,
});

const onGroup = (name: string, operation: KafkaOperation = 'READ'): Right => ({
  ...onTopic(name, operation),
  resource: 'group',
});

const followers = (clientId: string): Right => ({
  ...onGroup(`${clientId}.follower.`),
  isPrefix: true,
  example: `${clientId}.follower.acls-check`,
});

const onCluster = (...operations: readonly KafkaOperation[]): Right => ({
  resource: 'cluster',
  name: null,
  isPrefix: false,
  operations,
  example: null,
});

/** The resource of a right in words: `topics vault.replies.*`. */
export const resourceText = ({ resource, name, isPrefix }: Right): string =>
  name === null ? resource : isPrefix ? `${resource}s ${name}*` : `${resource} ${name}`;

/** The `kafka-acls` command that grants the rights to a principal, one line each. */
export const grantLines = (rights: readonly Right[], principal: string): readonly string[] =>
  rights.map(({ resource, name, isPrefix, operations }) =>
    [
      'kafka-acls --bootstrap-server "$BROKERS" --add',
      `--allow-principal '${principal}'`,
      ...operations.map((operation) => `--operation ${ACL_NAMES[operation]}`),
      name === null ? '--cluster' : `--${resource} '${name}'`,
      ...(isPrefix ? ['--resource-pattern-type prefixed'] : []),
    ].join(' '),
  );

/** The names of the operations in Kafka's tools. */
const ACL_NAMES: Readonly<Record<KafkaOperation, string>> = {
  READ: 'Read',
  WRITE: 'Write',
  CREATE: 'Create',
  DELETE: 'Delete',
  ALTER: 'Alter',
  DESCRIBE: 'Describe',
  CLUSTER_ACTION: 'ClusterAction',
  DESCRIBE_CONFIGS: 'DescribeConfigs',
  ALTER_CONFIGS: 'AlterConfigs',
  IDEMPOTENT_WRITE: 'IdempotentWrite',
};

/** A right that the principal lacks, or that the brokers could not be asked about. */
export interface RightProblem {
  readonly resource: string;
  /** Empty if the rights are unknown. */
  readonly lacking: readonly KafkaOperation[];
  readonly problem: string;
}

/** The topics and groups to ask the brokers about. */
export const resourcesOf = (
  rights: readonly Right[],
): { readonly topics: readonly string[]; readonly groups: readonly string[] } => {
  const named = (resource: Right['resource']): readonly string[] =>
    rights.flatMap((right) => (right.resource === resource ? [right.example ?? right.name ?? ''] : []));
  return { topics: named('topic'), groups: named('group') };
};

/** Compares the rights with the brokers' answer and names every one that is missing. Empty: the role has all rights. */
export const findProblems = (rights: readonly Right[], answer: AuthorizedOperations): readonly RightProblem[] =>
  rights.flatMap((right) => problemsOf(right, answer));

const problemsOf = (right: Right, { topics, groups, cluster }: AuthorizedOperations): readonly RightProblem[] => {
  const key = right.example ?? right.name ?? '';
  switch (right.resource) {
    case 'cluster':
      return lackingOf(right, cluster);
    case 'group': {
      const granted = groups.get(key) ?? null;
      return granted === null
        ? unknown(right, 'no group coordinator answered; run the command again')
        : lackingOf(right, granted);
    }
    case 'topic': {
      const access = topics.get(key);
      return access?.state === 'missing'
        ? unknown(right, `${key} does not exist; create it with npm run vault -- topics apply`)
        : lackingOf(right, access?.operations ?? new Set());
    }
  }
};

const lackingOf = (right: Right, granted: ReadonlySet<KafkaOperation>): readonly RightProblem[] => {
  const lacking = right.operations.filter((operation) => !granted.has(operation));
  return lacking.length === 0
    ? []
    : [{ resource: resourceText(right), lacking, problem: `lacks ${lacking.join(', ')}` }];
};

const unknown = (right: Right, why: string): readonly RightProblem[] => [
  { resource: resourceText(right), lacking: [], problem: `unknown: ${why}` },
];
