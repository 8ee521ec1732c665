import { applyTopics, partitionOf } from '@vault-engine/bus';
import { storeToken, type VaultClient } from '@vault-engine/client';
import { isRecord, topicSpecs } from '@vault-engine/contracts';
import { servicePlans } from '@vault-engine/development';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Adversary, type Answer, openAdversary } from '../attacks/open-adversary.ts';
import { openVault, type TestVault } from './open-vault.ts';

const BEFORE = 8;
const AFTER = 12;

/** A user whose partition changes with the growth, from one that exists before to another that does. */
const user =
  Array.from({ length: 1_000 }, (_, index) => `grows-${index}`).find((each) => {
    const [former, next] = [partitionOf(Buffer.from(each), BEFORE), partitionOf(Buffer.from(each), AFTER)];
    return former !== next && next < BEFORE;
  }) ?? expect.fail('no key changes its partition');
const [former, next] = [partitionOf(Buffer.from(user), BEFORE), partitionOf(Buffer.from(user), AFTER)];

let vault: TestVault;
let adversary: Adversary;
let honest: VaultClient;

beforeAll(async () => {
  vault = await openVault({ services: ['command-worker'] });
  adversary = await openAdversary(vault);
  honest = await vault.client('action');
});
afterAll(async () => {
  await adversary?.close();
  await vault?.close();
});

let tokens = 0;
/** Stores a new token by a command that is right in everything but, perhaps, its partition. */
const storeOn = async (
  partition: number,
  userId: string,
): Promise<{ readonly token: string; readonly answer: Answer }> => {
  tokens += 1;
  const token = `token-${tokens}`;
  const operation = storeToken({ userId, platform: 'gmail', accessToken: token, scopes: [] });
  const command = adversary.write({ engine: 'action', operation });
  const answer = await adversary.ask({ ...command, message: { ...command.message, partition } });
  const reason = answer.result === 'ok' ? {} : { reason: 'wrong_partition' };
  await vi.waitFor(() => expect(adversary.auditOf(command)).toMatchObject([{ result: answer.result, ...reason }]));
  return { token, answer };
};

const storedToken = async (userId: string): Promise<string> =>
  (await honest.getToken({ userId, platform: 'gmail' })).accessToken;

const grow = async (): Promise<void> => {
  const commands = topicSpecs({ engines: [], environment: 'development', prefix: vault.place.topicPrefix }).filter(
    ({ name }) => name === vault.topics.commands,
  );
  const grown = commands.map((each) => ({ ...each, partitions: AFTER }));
  await applyTopics(vault.bus, grown, { replicationFactor: 1 });
};

test('a command on any other partition than its key’s is refused, counted and never executed', async () => {
  const { token, answer } = await storeOn(former, user);
  expect(answer.result).toBe('ok');
  for (const partition of [...Array(BEFORE).keys()].filter((each) => each !== former)) {
    const { answer: refused } = await storeOn(partition, user);
    expect(refused.result).toBe('invalid_request');
    if (!isRecord(refused.reply, 'CommandFailed')) throw new Error('not a refusal');
    expect(refused.reply.value.message).toContain(`its key belongs to partition ${former}`);
  }
  expect(await storedToken(user)).toBe(token);
  const worker = servicePlans(vault.place).find(({ name }) => name === 'command-worker');
  const page = await (await fetch(`${worker?.operations}/metrics`)).text();
  expect(page).toMatch(new RegExp(`^vault_commands_misplaced_total\\{.*engine="action".*\\} ${BEFORE - 1}$`, 'm'));
});

test('after the topic has grown, former and new partition are right, for a worker that starts later too', async () => {
  await grow();
  const stillRight = await storeOn(former, user);
  expect([stillRight.answer.result, await storedToken(user)]).toEqual(['ok', stillRight.token]);
  const right = await storeOn(next, user);
  expect([right.answer.result, await storedToken(user)]).toEqual(['ok', right.token]);
  const wrong = [...Array(BEFORE).keys()].find((each) => each !== former && each !== next) ?? expect.fail();
  expect((await storeOn(wrong, user)).answer.result).toBe('invalid_request');

  await vault.running.stop();
  await vault.start('command-worker-2', 'command-worker');
  expect((await storeOn(former, user)).answer.result).toBe('ok');
  expect((await storeOn(next, user)).answer.result).toBe('ok');
  expect((await storeOn(wrong, user)).answer.result).toBe('invalid_request');
});
