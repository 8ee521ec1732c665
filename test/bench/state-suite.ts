import type { TestVault } from '../flow/open-vault.ts';
import { askProcess } from './ask-process.ts';
import { ENGINE } from './entrants.ts';
import { openBenchVault } from './open-bench-vault.ts';
import type { DelayQuestion, Delays } from './state-delay-client.ts';
import { delayTable, judgeState, viewTable } from './state-report.ts';
import type { ViewCost } from './state-view-client.ts';
import { verdictTable } from './table.ts';
import { writeSnapshots } from './write-snapshots.ts';

/** How long is measured, and how large the view is. */
export interface StatePlan {
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The view is measured with a quarter, a half and all of them. */
  readonly users: number;
}

export const FULL_STATE: StatePlan = { warmUpMs: 5_000, measureMs: 20_000, users: 1_000_000 };
export const QUICK_STATE: StatePlan = { warmUpMs: 2_000, measureMs: 5_000, users: 40_000 };

/** What the suite found, as `--json` writes it. */
export interface StateFigures {
  readonly idle: Delays;
  readonly loaded: Delays;
  readonly views: readonly ViewCost[];
}

const CHANGES_PER_SECOND = 500;
const SHARES = [1 / 4, 1 / 2, 1];

/** From replies to snapshots, idle and under load; then views that grow. */
export const measureState = async (plan: StatePlan, say: (line?: string) => void): Promise<StateFigures> => {
  const vault = await openBenchVault(['command-worker', 'status-projector']);
  try {
    const idle = await delaysOf(vault, plan, null);
    const loaded = await delaysOf(vault, plan, CHANGES_PER_SECOND);
    for (const line of delayTable({ idle, loaded })) say(line);
    // What it would do about so many users whom the store does not know is not the question.
    await vault.running.stop();
    const views = await growingViews(vault, plan.users, say);
    const figures = { idle, loaded, views };
    for (const line of [...viewTable(views), '', ...verdictTable(judgeState(figures))]) say(line);
    return figures;
  } finally {
    await vault.close();
  }
};

const delaysOf = ({ place, engines }: TestVault, plan: StatePlan, perSecond: number | null): Promise<Delays> => {
  const { brokers, registryUrl, topicPrefix } = place;
  const credential = engines[ENGINE]?.kafka.key ?? '';
  const vault = { brokers, registryUrl, topicPrefix, engine: ENGINE, credential, timeoutMs: 30_000 };
  const question: DelayQuestion = { vault, perSecond, warmUpMs: plan.warmUpMs, measureMs: plan.measureMs };
  return askProcess('state-delay-client.ts', question);
};

const growingViews = async (
  { bus, codec, topics, place }: TestVault,
  users: number,
  say: (line?: string) => void,
): Promise<readonly ViewCost[]> => {
  const { brokers, registryUrl, topicPrefix } = place;
  const views: ViewCost[] = [];
  let written = 0;
  for (const share of SHARES) {
    const wanted = Math.round(users * share);
    say(`writing snapshots up to ${wanted.toLocaleString('en')} users`);
    await writeSnapshots({ bus, codec, topic: topics.connectionState }, wanted - written);
    written = wanted;
    views.push(await askProcess<ViewCost>('state-view-client.ts', { brokers, registryUrl, topicPrefix }));
  }
  return views;
};
