import { freePort, type RunningPart, startPart } from '@vault-engine/local';
import kafkajs, { type AclEntry } from 'kafkajs';

/** A right, as in `kafka-acls`: `READ topic vault.commands`, with `*` at the end for a prefix. */
export type RightText = `${'READ' | 'WRITE' | 'DESCRIBE'} ${'topic' | 'group'} ${string}`;

/** A broker that refuses what no ACL allows. */
export interface SecuredKafka {
  /** For the administrator, who may do everything. */
  readonly address: string;
  /** For users with a password. */
  readonly secured: string;
  readonly passwordOf: (user: string) => string;
  readonly allow: (user: string, rights: readonly RightText[]) => Promise<void>;
  readonly takeAway: (user: string, rights: readonly RightText[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const passwordOf = (user: string): string => `password-of-${user}`;

/** Starts a broker with the StandardAuthorizer and SASL/PLAIN for these users. */
export const startSecuredKafka = async (users: readonly string[]): Promise<SecuredKafka> => {
  const [port, secured, controller] = [await freePort(), await freePort(), await freePort()];
  const listeners = `PLAINTEXT://127.0.0.1:${port},SECURED://127.0.0.1:${secured}`;
  const logins = users.map((user) => `user_${user}="${passwordOf(user)}"`).join(' ');
  const kafka: RunningPart = await startPart('kafka', {
    port,
    settings: {
      listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': listeners,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SECURED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.secured.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${logins};`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'allow.everyone.if.no.acl.found': 'false',
      'super.users': 'User:ANONYMOUS',
    },
  });
  const client = new kafkajs.Kafka({ brokers: [kafka.address], logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  return {
    address: kafka.address,
    secured: `127.0.0.1:${secured}`,
    passwordOf,
    allow: async (user, rights) => {
      await admin.createAcls({ acl: rights.map((right) => aclOf(user, right)) });
    },
    takeAway: async (user, rights) => {
      await admin.deleteAcls({ filters: rights.map((right) => aclOf(user, right)) });
    },
    stop: async () => {
      await admin.disconnect();
      await kafka.stop();
    },
  };
};

const aclOf = (user: string, right: RightText): AclEntry => {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const [operation = '', resource = '', name = ''] = right.split(' ');
  const prefixed = name.endsWith('*');
  return {
    principal: `User:${user}`,
    host: '*',
    permissionType: AclPermissionTypes.ALLOW,
    operation:
      operation === 'READ'
        ? AclOperationTypes.READ
        : operation === 'WRITE'
          ? AclOperationTypes.WRITE
          : AclOperationTypes.DESCRIBE,
    resourceType: resource === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
    resourceName: prefixed ? name.slice(0, -1) : name,
    resourcePatternType: prefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  };
};
