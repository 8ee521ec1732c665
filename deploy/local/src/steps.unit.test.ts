import { expect, test } from 'vitest';
import { runSteps, type Step } from './steps.ts';

const quiet = () => undefined;

test('steps run in order and stop in reverse', async () => {
  const calls: string[] = [];
  const stop = await runSteps([step('parts', calls), step('topics', calls), step('services', calls)], quiet);
  await stop();
  expect(calls).toEqual(['parts', 'topics', 'services', 'stop services', 'stop topics', 'stop parts']);
});

test('when a step fails, it and the earlier ones are stopped, and the error is rethrown', async () => {
  const calls: string[] = [];
  const failing = step('topics', calls, () => Promise.reject(new Error('no broker')));
  await expect(runSteps([step('parts', calls), failing, step('services', calls)], quiet)).rejects.toThrow('no broker');
  expect(calls).toEqual(['parts', 'topics', 'stop topics', 'stop parts']);
});

test('a step that fails to stop does not prevent the others from stopping', async () => {
  const calls: string[] = [];
  const stubborn: Step = { name: 'topics', run: async () => undefined, stop: () => Promise.reject(new Error('stuck')) };
  const lines: string[] = [];
  const stop = await runSteps([step('parts', calls), stubborn], (line) => lines.push(line));
  await stop();
  expect(calls).toContain('stop parts');
  expect(lines).toContain('✗ topics: stuck');
});

function step(name: string, calls: string[], then: () => Promise<void> = async () => undefined): Step {
  return {
    name,
    run: () => {
      calls.push(name);
      return then();
    },
    stop: async () => {
      calls.push(`stop ${name}`);
    },
  };
}
