import { openConnectionStateView, type StateViewOptions } from '@vault-engine/client';
import { answerOnce } from './ask-process.ts';
import { readArgument } from './echo-place.ts';

/** What a view of so many users takes, in a process that does nothing else. */
export interface ViewCost {
  readonly users: number;
  /** From the opening until all is known. */
  readonly caught_up_ms: number;
  /** What of it this process computed: on a machine that does other things too, it tells how the work grows. */
  readonly caught_up_cpu_ms: number;
  /** What is reachable of V8's heap and outside of it, beyond what the process began with. */
  readonly held_bytes: number;
  /** Most memory that the process had meanwhile, garbage and code included. */
  readonly peak_rss_bytes: number;
  /** One look at one user. */
  readonly get_us: number;
}

const LOOKS = 20_000;

const viewCost = async (options: StateViewOptions): Promise<ViewCost> => {
  const before = held();
  const [began, computed] = [performance.now(), process.cpuUsage()];
  const view = await openConnectionStateView(options);
  await view.ready;
  const caught_up_ms = performance.now() - began;
  const { user, system } = process.cpuUsage(computed);
  return {
    users: view.size,
    caught_up_ms,
    caught_up_cpu_ms: (user + system) / 1_000,
    held_bytes: held() - before,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1_024,
    get_us: timeOfLooks(view.users()),
  };
};

const held = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Walking over users looks at each: µs for one. */
const timeOfLooks = (users: Iterator<unknown>): number => {
  const began = performance.now();
  let looks = 0;
  while (looks < LOOKS && !users.next().done) looks += 1;
  return ((performance.now() - began) * 1_000) / Math.max(1, looks);
};

await answerOnce(() => viewCost(readArgument<StateViewOptions>()));
