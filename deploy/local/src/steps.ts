import type { Log } from './progress.ts';

/** One thing that a start does, and how it is undone. */
export type Step = {
  readonly name: string;
  run(): Promise<void>;
  /** Called in reverse order at the end, also when `run` failed half-way. */
  stop?(): Promise<void>;
};

/**
 * Runs the steps in order, each with its time.
 *
 * @returns how to end it all, in reverse
 * @throws what a step threw, after what had begun was stopped
 */
export async function runSteps(steps: readonly Step[], log: Log): Promise<() => Promise<void>> {
  const begun: Step[] = [];
  const stop = () => stopSteps(begun.splice(0).reverse(), log);
  for (const step of steps) {
    const started = performance.now();
    begun.push(step);
    try {
      await step.run();
    } catch (error) {
      await stop();
      throw error;
    }
    log(`✓ ${step.name} (${seconds(started)})`);
  }
  return stop;
}

/** One that cannot be stopped does not keep the others from it. */
async function stopSteps(steps: readonly Step[], log: Log): Promise<void> {
  for (const step of steps) {
    if (!step.stop) continue;
    const started = performance.now();
    try {
      await step.stop();
      log(`✓ ${step.name}: stopped (${seconds(started)})`);
    } catch (error) {
      log(`✗ ${step.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
