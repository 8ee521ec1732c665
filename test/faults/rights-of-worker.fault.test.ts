import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { type RightText, type SecuredKafka, startSecuredKafka } from './secured-kafka.ts';

let kafka: SecuredKafka;
let vault: TestVault;
beforeAll(async () => {
  kafka = await startSecuredKafka(['worker']);
  vault = await openVault({ parts: { brokers: [kafka.address] }, services: [] });
});
afterAll(async () => {
  await vault?.close();
  await kafka?.stop();
});

describe('a command worker', () => {
  /** The smallest set, as `npm run vault -- acls print command-worker` prints it. */
  const rightsOf = ({ topics, place }: TestVault): readonly RightText[] => [
    `READ topic ${topics.commands}`,
    `READ topic ${topics.engines}`,
    `READ group ${place.topicPrefix}vault.command-worker`,
    'READ group command-worker.follower.*',
    `WRITE topic ${place.topicPrefix}vault.replies.*`,
    `WRITE topic ${topics.auditLog}`,
    `WRITE topic ${topics.connectionEvents}`,
    `WRITE topic ${topics.commandsDlt}`,
  ];
  const login = () => ({
    VAULT_KAFKA_BROKERS: kafka.secured,
    VAULT_KAFKA_SSL: 'false',
    VAULT_KAFKA_SASL_MECHANISM: 'plain',
    VAULT_KAFKA_SASL_USERNAME: 'worker',
    VAULT_KAFKA_SASL_PASSWORD: kafka.passwordOf('worker'),
  });

  it.each([0, 1, 2, 3])('exits with 78 and names the right that is missing at the start: number %i', async (index) => {
    const rights = rightsOf(vault);
    const [missing] = rights.slice(index, index + 1);
    if (missing === undefined) throw new Error(`there is no right ${index}`);
    await kafka.allow('worker', rights);
    await kafka.takeAway('worker', [missing]);
    const failure = await vault.start(`worker-without-${index}`, 'command-worker', login()).then(
      () => 'started',
      (error: Error) => error.message,
    );
    const [, resource] = missing.split(' ');
    expect(failure).toMatch(new RegExp(`User:worker lacks the right (READ|DESCRIBE) on ${resource} `));
    expect(failure).toContain(missing.split(' ')[2]);
    expect(failure).toContain('78');
  });

  it('starts and serves with the smallest rights, and is unready while one is taken away', async () => {
    const rights = rightsOf(vault);
    await kafka.allow('worker', rights);
    const { services } = await vault.start('worker-with-rights', 'command-worker', login());
    const writer = await vault.client('action');
    await writer.storeToken({ userId: 'u1', platform: 'gmail', accessToken: 'abcd', scopes: [] });
    const logFile = services.get('worker-with-rights')?.logFile ?? '';
    const commands: RightText = `READ topic ${vault.topics.commands}`;
    const sentence = `User:worker lacks the right READ on topic ${vault.topics.commands}`;
    await kafka.takeAway('worker', [commands]);
    await vi.waitFor(async () => expect(await statesOf(logFile)).toContain(`part unavailable: ${sentence}`), WITHIN);
    await kafka.allow('worker', [commands]);
    await writer.storeToken({ userId: 'u2', platform: 'gmail', accessToken: 'abcd', scopes: [] });
    await vi.waitFor(async () => expect((await statesOf(logFile)).at(-1)).toBe('part ready'), WITHIN);
    expect(vault.crashes).toEqual([]);
  });
});

const WITHIN = { timeout: 30_000, interval: 200 };

/** What a worker's log says about the readiness of its part `commands`. */
const statesOf = async (logFile: string): Promise<readonly string[]> =>
  (await readFile(logFile, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('"part":"commands"'))
    .map((line) => {
      const { message, error } = JSON.parse(line) as { message: string; error?: { message: string } }; // a log line
      return error === undefined ? message : `${message}: ${error.message.split(';')[0]}`;
    });
