import { applyTopics, type Bus, connectBus } from '@vault-engine/bus';
import { topicNames, topicSpecs } from '@vault-engine/contracts';
import { freePort, type RunningPart, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Right, rightsOf } from './access-rights.ts';
import { type CliWorld, openCliWorld, type Ran } from './testing/cli-world.ts';

const ENGINES = { prefix: '', engine: 'sync', clientId: 'sync' };
const USERS = ['worker', 'nobody'] as const;
/** Codes of Kafka's protocol: AclResourceType, AclPermissionType, PatternType. */
const RESOURCE = { topic: 2, group: 3, cluster: 4 } as const;
const ALLOW = 3;
const [LITERAL, PREFIXED] = [3, 4];
/** Codes of AclOperation. */
const OPERATION = { READ: 3, WRITE: 4, DESCRIBE: 8, DESCRIBE_CONFIGS: 10 } as const;

let here: CliWorld;
let kafka: RunningPart;
let admin: Bus;
let secured: string;

beforeAll(async () => {
  here = await openCliWorld();
  const [port, controller, sasl] = [await freePort(), await freePort(), await freePort()];
  secured = `127.0.0.1:${sasl}`;
  const listeners = `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://${secured}`;
  const users = USERS.map((name) => `user_${name}="${name}-password"`).join(' ');
  kafka = await startPart('kafka', {
    port,
    settings: {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': listeners,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users};`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  });
  admin = connectBus({ brokers: [kafka.address], clientId: 'test' });
  const specs = topicSpecs({ prefix: '', engines: ['sync'], environment: 'development' });
  await applyTopics(admin, specs, { replicationFactor: 1 });
  await allow('worker', rightsOf('command-worker', ENGINES));
});

afterAll(async () => {
  await kafka?.stop();
  await here?.close();
});

const withAcls = async <T>(use: (acls: ReturnType<ReturnType<Bus['client']>['admin']>) => Promise<T>): Promise<T> => {
  const client = admin.client().admin();
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.disconnect();
  }
};

const entryOf = (user: string, { resource, name, isPrefix }: Right, operation: keyof typeof OPERATION) => ({
  resourceType: RESOURCE[resource],
  resourceName: name ?? 'kafka-cluster',
  resourcePatternType: isPrefix ? PREFIXED : LITERAL,
  principal: `User:${user}`,
  host: '*',
  operation: OPERATION[operation],
  permissionType: ALLOW,
});

const allow = (user: string, rights: readonly Right[]): Promise<unknown> =>
  withAcls((acls) =>
    acls.createAcls({
      acl: rights.flatMap((right) =>
        right.operations.flatMap((operation) =>
          operation === 'READ' || operation === 'WRITE' || operation === 'DESCRIBE_CONFIGS'
            ? [entryOf(user, right, operation)]
            : [],
        ),
      ),
    }),
  );

const vault = (user: string, ...words: readonly string[]): Promise<Ran> =>
  here.vault(words, {
    env: {
      VAULT_KAFKA_BROKERS: secured,
      VAULT_TOPIC_PREFIX: '',
      VAULT_KAFKA_SASL_MECHANISM: 'plain',
      VAULT_KAFKA_SASL_USERNAME: user,
      VAULT_KAFKA_SASL_PASSWORD: `${user}-password`,
    },
  });

test('a principal with the printed rights passes the check of its role', async () => {
  const { code, out, err } = await vault('worker', 'acls', 'check', 'command-worker');
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out[0]).toMatch(/^User:worker has all rights of the role command-worker: topic vault.commands, /);
});

test('each right that is taken away is named', async () => {
  const [commands] = rightsOf('command-worker', ENGINES);
  const followers = rightsOf('command-worker', ENGINES).find(({ example }) => example?.includes('follower'));
  if (commands === undefined || followers === undefined) throw new Error('the role has no such right');
  for (const right of [commands, followers]) {
    await withAcls((acls) => acls.deleteAcls({ filters: [entryOf('worker', right, 'READ')] }));
    const { code, out, err } = await vault('worker', 'acls', 'check', 'command-worker');
    expect(code).toBe(1);
    expect(out).toEqual([
      expect.stringMatching(
        /^(topic vault.commands|groups command-worker.follower.\*): lacks READ(, DESCRIBE_CONFIGS)?$/,
      ),
    ]);
    expect(err[0]).toContain('acls print command-worker');
    await allow('worker', [right]);
  }
});

test('a principal without any right gets every resource named, and topics check does not call hidden topics missing', async () => {
  const { code, out } = await vault('nobody', 'acls', 'check', 'status-projector', '--json');
  expect(code).toBe(1);
  const { problems }: { problems: { resource: string; problem: string }[] } = JSON.parse(out.join(''));
  expect(problems).toHaveLength(rightsOf('status-projector', ENGINES).length);

  const checked = await vault('nobody', 'topics', 'check');
  expect(checked).toMatchObject({ code: 1, out: [] });
  expect(checked.err).toEqual([expect.stringMatching(/lacks DESCRIBE on .*vault\.commands.*vault\.replies\.sync/)]);
  expect(checked.err[0]).toContain(topicNames('').connectionState);
});
