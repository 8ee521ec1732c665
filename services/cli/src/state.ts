import { setTimeout as sleep } from 'node:timers/promises';
import { type Drift, findDrift, type Rebuilt, rebuild } from '@vault-engine/state/projecting';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { json, type Terminal } from './terminal.ts';
import { type OpenStates, withStates } from './with-states.ts';

/** `state diff` and `state rebuild`: the connection states on the topic, beside what the store has. */
export const addState = (program: Command, { terminal, config }: CommandContext): void => {
  const state = program.command('state').description('the connection states on the topic, and in the store');
  state
    .command('diff')
    .description('name the users whom topic and store differ about; exit code 1 where there are any')
    .option('--grace <seconds>', 'how long a change may be on its way', '20')
    .option('--json', 'as JSON')
    .action(async (options: { readonly grace: string; readonly json?: boolean }) => {
      const graceMs = 1_000 * wholeNumber('--grace', options.grace, 0, 600);
      const differing = await withStates(config.state(), (states) => compare(states, graceMs));
      tell(terminal, differing, options);
      if (differing.length > 0)
        throw new CliFailure(`${differing.length} users differ; npm run vault -- state rebuild publishes all anew`);
    });
  state
    .command('rebuild')
    .description('publish the snapshot of every user, and the tombstone of everybody whom the store does not know')
    .action(async () => {
      const { snapshots, tombstones } = await withStates(config.state(), (states) => publishAll(states, terminal));
      terminal.out(`published ${snapshots} snapshots and ${tombstones} tombstones`);
    });
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
  outdated: 'the topic shows an earlier revision',
  different: 'the topic says something else of the same revision',
  store_behind: 'the topic shows a later revision than the store has, and says something else',
  surplus: 'the topic has a snapshot of a user whom the store does not know',
  buried: 'the newest message on the topic is followed by one that readers pass over',
};

const tell = (terminal: Terminal, differing: readonly Differing[], options: { readonly json?: boolean }): void => {
  if (options.json) terminal.out(json(differing));
  else if (differing.length === 0) terminal.out('the topic shows what the store has');
  else for (const { user, difference } of differing) terminal.out(`${user}: ${DIFFERENCES[difference]}`);
};

const TELL_EVERY_MS = 2_000;

const publishAll = ({ store, marks, projection }: OpenStates, terminal: Terminal): Promise<Rebuilt> => {
  let told = performance.now();
  const onProgress = ({ snapshots, tombstones }: Rebuilt): void => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    terminal.note(`${snapshots} snapshots, ${tombstones} tombstones`);
  };
  return rebuild({ store, marks, republish: projection.republish, onProgress });
};
