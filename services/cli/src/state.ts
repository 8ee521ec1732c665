import { setTimeout as sleep } from 'node:timers/promises';
import { createPublisher } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import { followStates } from '@vault-engine/state';
import {
  type Drift,
  findDrift,
  openProjection,
  type Projection,
  type Rebuilt,
  rebuild,
  StateMarks,
} from '@vault-engine/state/projecting';
import { openRedisStore } from '@vault-engine/token-store';
import type { TokenStore } from '@vault-engine/vault';
import type { Command } from 'commander';
import { audited, confirmRemoval } from './audited-change.ts';
import { type CommandContext, openBus } from './command-context.ts';
import type { StateConfig } from './config.ts';
import { CliFailure } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { json, type Terminal } from './terminal.ts';

/** `state diff` and `state rebuild`: the connection states on the topic, compared with the store. */
export const addState = (program: Command, { terminal, config }: CommandContext): void => {
  const state = program.command('state').description('connection states on the topic and in the store');
  state
    .command('diff')
    .description('list the users for whom topic and store differ; exit code 1 if there are any')
    .option('--grace <seconds>', 'how long a difference may last before it is reported', '20')
    .option('--json', 'print JSON')
    .action(async (options: { readonly grace: string; readonly json?: boolean }) => {
      const graceMs = 1_000 * wholeNumber('--grace', options.grace, 0, 600);
      const differing = await withStates(config.state(), (states) => compare(states, graceMs));
      printDiffering(terminal, differing, options);
      if (differing.length > 0)
        throw new CliFailure(`${differing.length} users differ; npm run vault -- state rebuild republishes all users`);
    });
  state
    .command('rebuild')
    .description(
      'republish the snapshot of every user, and a tombstone for every user that the store does not have; audited',
    )
    .option('--dry-run', 'print the number of records without publishing them')
    .option('--yes', 'publish tombstones without asking')
    .action(async (options: RebuildOptions) => {
      const settings = config.state();
      await withStates(settings, (states) => rebuildStates(settings, states, terminal, options));
    });
};

interface RebuildOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const rebuildStates = async (
  settings: StateConfig,
  states: OpenStates,
  terminal: Terminal,
  { dryRun, yes }: RebuildOptions,
): Promise<void> => {
  const plan = await planOf(states);
  if (dryRun) return terminal.out(`would publish ${countsText(plan)}`);
  terminal.note(`publishing ${countsText(plan)}`);
  // A store without its data would delete the state of every user from the topic.
  if (plan.tombstones > 0)
    await confirmRemoval(
      terminal,
      `This deletes ${plan.tombstones} users from the topic that the store does not have.`,
      yes,
    );
  const change = { action: 'state.rebuild', subject: countsText(plan) };
  const rebuilt = await audited(settings, change, { terminal, outcome: countsText }, () =>
    republishAll(states, terminal),
  );
  terminal.out(`published ${countsText(rebuilt)}`);
};

const countsText = ({ snapshots, tombstones }: Rebuilt): string =>
  `${snapshots} snapshots and ${tombstones} tombstones`;

const planOf = async ({ store, marks }: OpenStates): Promise<Rebuilt> => {
  const surplus = new Set(marks.users());
  const users = new Set<string>();
  for await (const user of store.users()) {
    users.add(user);
    surplus.delete(user);
  }
  return { snapshots: users.size, tombstones: surplus.size };
};

/** Topic and store, open side by side. */
interface OpenStates {
  readonly store: TokenStore;
  /** The content of the topic: read from its beginning, then followed. */
  readonly marks: StateMarks;
  readonly projection: Projection;
}

/** Runs `use` with the store open and the state topic read to its end. */
const withStates = async <T>(config: StateConfig, use: (states: OpenStates) => Promise<T>): Promise<T> => {
  const { kafka, registry, redis, environment } = config;
  const topic = topicNames(kafka.topicPrefix).connectionState;
  const codec = await openCodec({ registryUrl: registry.url, types: ['ConnectionState'] });
  const store = await openRedisStore({ ...redis, requireDurable: environment === 'production' });
  const bus = openBus(kafka);
  const publisher = createPublisher(bus);
  const marks = new StateMarks(Date.now);
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const onRecord = (record: Parameters<StateMarks['take']>[0]): void => void marks.take(record);
  const closing: (() => Promise<void>)[] = [() => store.close(), () => publisher.close()];
  try {
    // After an offset reset the topic is read again from its beginning.
    const onReset = (): void => marks.clear();
    const following = await followStates({ bus, codec, topic, onRecord, onReset, onFatal: lost.reject });
    closing.push(() => following.close());
    await Promise.race([following.ready, lost.promise]);
    const projection = openProjection({ store, codec, publisher, topic, marks, now: Date.now });
    return await Promise.race([use({ store, marks, projection }), lost.promise]);
  } finally {
    for (const close of closing.toReversed()) await close();
  }
};

interface Differing {
  readonly user: string;
  readonly difference: Drift | 'buried';
}

const compare = async ({ store, marks, projection }: OpenStates, graceMs: number): Promise<readonly Differing[]> => {
  const differing: Differing[] = [];
  const drifted = findDrift({
    store,
    marks,
    inspect: projection.inspect,
    pace: () => Promise.resolve(),
    grace: () => sleep(graceMs),
  });
  for await (const { user, drift } of drifted) differing.push({ user, difference: drift });
  if (marks.buried().size > 0) await sleep(graceMs);
  for (const user of marks.buried()) differing.push({ user, difference: 'buried' });
  return differing;
};

const DIFFERENCES: Readonly<Record<Differing['difference'], string>> = {
  missing: 'the topic has no snapshot',
  outdated: 'the topic has an earlier revision',
  different: 'the topic has the same revision with other content',
  store_behind: 'the topic has a later revision than the store, with other content',
  unreadable: 'a row of the store does not parse; quarantine list has the reason',
  surplus: 'the topic has a snapshot, but the store does not have the user',
  buried: 'the newest snapshot on the topic is followed by a superseded record',
};

const printDiffering = (
  terminal: Terminal,
  differing: readonly Differing[],
  options: { readonly json?: boolean },
): void => {
  if (options.json) terminal.out(json(differing));
  else if (differing.length === 0) terminal.out('topic and store agree');
  else for (const { user, difference } of differing) terminal.out(`${user}: ${DIFFERENCES[difference]}`);
};

const PROGRESS_EVERY_MS = 2_000;

const republishAll = ({ store, marks, projection }: OpenStates, terminal: Terminal): Promise<Rebuilt> => {
  let reportedAt = performance.now();
  const onProgress = ({ snapshots, tombstones }: Rebuilt): void => {
    if (performance.now() - reportedAt < PROGRESS_EVERY_MS) return;
    reportedAt = performance.now();
    terminal.note(`${snapshots} snapshots, ${tombstones} tombstones`);
  };
  return rebuild({ store, marks, republish: projection.republish, onProgress });
};
