import { expect, test } from 'vitest';
import { runSteps, type Step } from './steps.ts';

const quiet = () => undefined;

test('steps run in order and stop in reverse', async () => {
  const told: string[] = [];
  const stop = await runSteps([step('parts', told), step('topics', told), step('services', told)], quiet);
  await stop();
  expect(told).toEqual(['parts', 'topics', 'services', 'stop services', 'stop topics', 'stop parts']);
});

test('when a step fails, it and those before it are stopped, and the reason is passed on', async () => {
  const told: string[] = [];
  const failing = step('topics', told, () => Promise.reject(new Error('no broker')));
  await expect(runSteps([step('parts', told), failing, step('services', told)], quiet)).rejects.toThrow('no broker');
  expect(told).toEqual(['parts', 'topics', 'stop topics', 'stop parts']);
});

test('a step that cannot be stopped does not keep the others from it', async () => {
  const told: string[] = [];
  const stubborn: Step = { name: 'topics', run: async () => undefined, stop: () => Promise.reject(new Error('stuck')) };
  const lines: string[] = [];
  const stop = await runSteps([step('parts', told), stubborn], (line) => lines.push(line));
  await stop();
  expect(told).toContain('stop parts');
  expect(lines).toContain('✗ topics: stuck');
});

function step(name: string, told: string[], then: () => Promise<void> = async () => undefined): Step {
  return {
    name,
    run: () => {
      told.push(name);
      return then();
    },
    stop: async () => {
      told.push(`stop ${name}`);
    },
  };
}
