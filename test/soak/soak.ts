import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endAllChildren, endSignal, root } from '@vault-engine/local';
import { faultConfig } from '../faults/config.ts';
import { seededRandom } from '../faults/seeded-random.ts';
import { callersOverHttp } from './ask-over-http.ts';
import { faultsInOrder } from './break-something.ts';
import { watchMemory } from './memory.ts';
import { openSoakVault, type SoakVault } from './open-soak-vault.ts';
import { SoakReport } from './report.ts';
import { runRound } from './run-round.ts';

/**
 * `npm run soak -- --minutes N`: two workers and a gateway under traffic over Kafka and HTTP, one fault after another.
 * About every minute the traffic pauses and the invariant of the fault tests is checked. Ends with 0 where it always held
 * and the memory of those that lived through it stayed flat. `VAULT_SEED` brings the same traffic and faults again.
 */
const ROUND_MS = 60_000;
const TELL_EVERY_MS = 15_000;
/** For questions outside of the traffic: what is the final state? */
const PATIENT_MS = 30_000;
const LOGS = join(root, '.local', 'soak-logs');

const end = endSignal();
end.addEventListener('abort', async () => {
  await endAllChildren();
  process.exit(130);
});

const main = async (): Promise<number> => {
  const minutes = minutesOf(process.argv.slice(2));
  console.log(`soak: ${minutes} min; the parts and the vault start …`);
  const soak = await openSoakVault();
  const watches = soak.longLived.map(({ name, operations }) => ({ name, ...watchMemory(operations) }));
  const report = new SoakReport(
    faultConfig.seed,
    new Map(watches.map(({ name, samples }) => [name, samples] as const)),
  );
  await soakFor(minutes * 60_000, soak, report).catch((error: unknown) => report.breach(describe(error)));
  await Promise.all(watches.map((watch) => watch.stop()));
  for (const crash of soak.vault.crashes) report.breach(crash);
  if (!report.isGood()) await keepLogs(soak);
  await soak.close().catch(() => undefined); // it rejects with the crashes that are reported already
  for (const line of report.summary()) console.log(line);
  return report.isGood() ? 0 : 1;
};

const minutesOf = (args: readonly string[]): number => {
  const { values } = parseArgs({ args: [...args], options: { minutes: { type: 'string', default: '3' } } });
  const minutes = Number(values.minutes);
  if (minutes > 0) return minutes;
  throw new Error(`--minutes takes a number above 0, not "${values.minutes}"`);
};

/** Rounds until the time is over, or until one finds a breach or a crash: what led there is still to be seen then. */
const soakFor = async (ms: number, soak: SoakVault, report: SoakReport): Promise<void> => {
  const { vault } = soak;
  const random = seededRandom('soak');
  const faults = faultsInOrder(random.branch(0));
  const kafka = {
    writer: await vault.client('action', PATIENT_MS),
    reader: await vault.client('sync', PATIENT_MS),
  };
  const callers = { kafka, http: callersOverHttp(vault) };
  const endAt = performance.now() + ms;
  let [answers, inRound] = [0, () => 0];
  const telling = setInterval(() => console.log(report.line(answers + inRound())), TELL_EVERY_MS);
  try {
    for (let number = 1, good = true; good && performance.now() < endAt; number += 1) {
      const overAt = Math.min(endAt, performance.now() + ROUND_MS);
      const round = await runRound(soak, {
        number,
        callers,
        faults,
        random: random.branch(number),
        isOver: () => performance.now() >= overAt,
        onTraffic: (count) => {
          inRound = count;
        },
        onFault: (name, tookMs) => report.fault(name, tookMs),
      });
      [answers, inRound] = [answers + inRound(), () => 0];
      report.round(round);
      good = round.breaches.length + vault.crashes.length === 0;
    }
  } finally {
    clearInterval(telling);
  }
};

/** The services' own words, before their folder goes with the vault. */
const keepLogs = async ({ vault }: SoakVault): Promise<void> => {
  await rm(LOGS, { recursive: true, force: true });
  await cp(vault.logDir, LOGS, { recursive: true });
  console.log(`the services' logs are in ${LOGS}`);
};

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

process.exitCode = await main();
process.exit();
