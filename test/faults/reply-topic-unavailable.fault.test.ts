import { createPublisher, type Publisher, readTopic } from '@vault-engine/bus';
import { getStatus } from '@vault-engine/client';
import { servicePlans } from '@vault-engine/development';
import { uuidText } from '@vault-engine/protocol';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Command, writeCommand } from '../attacks/write-command.ts';
import { percentile } from '../bench/percentile.ts';
import { type ProxiedKafka, startProxiedKafka } from './kafka-proxy.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { readEvidence } from './read-evidence.ts';

/** Far fewer than the commands whose replies cannot be delivered. */
const CONCURRENCY = 8;
const COMMANDS = 120;
const TIMEOUT_MS = 10_000;

let kafka: ProxiedKafka;
let at: FaultVault;
let publisher: Publisher;
beforeAll(async () => {
  kafka = await startProxiedKafka();
  const env = { VAULT_WORKER_CONCURRENCY: String(CONCURRENCY) };
  at = await openFaultVault({ parts: { brokers: [kafka.address] }, timeoutMs: 30_000, env });
  publisher = createPublisher(at.vault.bus);
}, 180_000);
afterAll(async () => {
  await publisher?.close();
  await at?.close();
  await kafka?.stop();
});

it("gives up one engine's replies at their deadlines while its topic accepts none, delivers later ones, and serves the others", async () => {
  let early: readonly Command[] = [];
  let late: readonly Command[] = [];
  let healthy = 0;
  let sick = 0;
  const { account } = await at.prove({
    name: 'others',
    users: 10,
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: 20,
    mayStayUnanswered: ({ user }) => user.startsWith('sick-'),
    during: async (traffic) => {
      await traffic.answered(200);
      healthy = traffic.count();
      kafka.failProduce(at.vault.topics.replies('local'));
      early = await ask(TIMEOUT_MS);
      await traffic.answered(traffic.count() + 300);
      sick = traffic.count();
      await vi.waitFor(async () => expect(await undelivered('expired')).toBe(COMMANDS), WITHIN);
      late = await ask(120_000);
      await traffic.answered(traffic.count() + 100);
      kafka.behave();
      await vi.waitFor(async () => expect(await answered(late)).toBe(COMMANDS), WITHIN);
    },
  });
  const tookMs = account.seen.map((step) => step.tookMs);
  const p90 = (steps: readonly number[]) =>
    percentile(
      steps.toSorted((a, b) => a - b),
      0.9,
    );
  const [before, meanwhile] = [p90(tookMs.slice(0, healthy)), p90(tookMs.slice(healthy, sick))];
  console.log(`p90 of the others: ${before.toFixed(1)} ms before, ${meanwhile.toFixed(1)} ms meanwhile`);
  // A permit that waited for a reply would be gone until its command's deadline.
  expect(meanwhile).toBeLessThan(Math.max(1_000, 3 * before));

  const { audits } = await readEvidence(at.vault);
  const ofSick = audits.filter(({ user_id }) => user_id?.startsWith('sick-'));
  expect(ofSick.map(({ request_id, result }) => `${request_id} ${result}`).sort()).toEqual(
    [...early, ...late].map(({ requestId }) => `${requestId} ok`).sort(),
  );
}, 240_000);

const WITHIN = { timeout: 60_000, interval: 500 };

const ask = async (timeoutMs: number): Promise<readonly Command[]> => {
  const commands = Array.from({ length: COMMANDS }, (_, number) =>
    writeCommand(at.vault, { engine: 'local', operation: getStatus({ userId: `sick-${number}` }), timeoutMs }),
  );
  await Promise.all(commands.map(({ message }) => publisher.send(message)));
  return commands;
};

/** How many of these commands have replies of exactly one content: a lost acknowledgement repeats the same bytes. */
const answered = async (commands: readonly Command[]): Promise<number> => {
  const wanted = new Set(commands.map(({ requestId }) => requestId));
  const values = new Map<string, Set<string>>();
  for await (const { headers, value } of readTopic(at.vault.bus, at.vault.topics.replies('local'))) {
    const id = uuidText(headers['kafka_correlationId'] ?? Buffer.alloc(16));
    if (wanted.has(id)) values.set(id, (values.get(id) ?? new Set()).add(value?.toString('hex') ?? ''));
  }
  return [...values.values()].filter(({ size }) => size === 1).length;
};

/** The worker's count of the replies to `local` that it has given up. */
const undelivered = async (reason: string): Promise<number> => {
  const worker = servicePlans(at.vault.place).find(({ name }) => name === 'command-worker');
  const page = await (await fetch(`${worker?.operations}/metrics`)).text();
  const series = `vault_replies_undelivered_total\\{engine="local",reason="${reason}",service="command-worker"\\}`;
  return Number(new RegExp(`${series} (\\d+)`).exec(page)?.[1]);
};
