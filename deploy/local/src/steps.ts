import type { Log } from './progress.ts';

/** One step of a start, and how to undo it. */
export type Step = {
  readonly name: string;
  run(): Promise<void>;
  /** Called in reverse order at the end, also after a failed `run`. */
  stop?(): Promise<void>;
};

/**
 * Runs the steps in order and logs the duration of each.
 *
 * @returns a function that stops them in reverse order
 * @throws the error of a failed step, after the started steps were stopped
 */
export async function runSteps(steps: readonly Step[], log: Log): Promise<() => Promise<void>> {
  const started: Step[] = [];
  const stop = () => stopSteps(started.splice(0).reverse(), log);
  for (const step of steps) {
    const startedAt = performance.now();
    started.push(step);
    try {
      await step.run();
    } catch (error) {
      await stop();
      throw error;
    }
    log(`✓ ${step.name} (${seconds(startedAt)})`);
  }
  return stop;
}

/** A step that fails to stop does not prevent the others from stopping. */
async function stopSteps(steps: readonly Step[], log: Log): Promise<void> {
  for (const step of steps) {
    if (!step.stop) continue;
    const startedAt = performance.now();
    try {
      await step.stop();
      log(`✓ ${step.name}: stopped (${seconds(startedAt)})`);
    } catch (error) {
      log(`✗ ${step.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
