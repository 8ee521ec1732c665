import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from './read-config.ts';
import { runService, type ServiceContext } from './run-service.ts';
import { serviceSettings } from './settings.ts';

/** A service for `run-service.unit.test.ts`: what goes wrong in it is its first argument. */
const behaviour = process.argv[2] ?? 'ordinary';

const close = (log: ServiceContext<unknown>['log'], part: string) => async () => {
  log.info(`closing ${part}`);
  if (behaviour === 'hanging stop') await new Promise(() => {});
  if (behaviour === 'slow stop') {
    await sleep(1100);
    log.info('a second has passed');
    await sleep(5000);
  }
};

const misbehave = (fatal: (error: unknown) => void): void => {
  if (behaviour === 'failing start') throw new TypeError('canary');
  if (behaviour === 'refused profiles')
    throw Object.assign(new Error('the platform profiles are refused\na.yaml:1:1 x'), { name: 'ProfilesRefused' });
  if (behaviour === 'fatal') fatal(new Error('canary'));
  if (behaviour === 'rejection') void Promise.reject(new Error('canary'));
  if (behaviour === 'exception')
    setImmediate(() => {
      throw new Error('canary');
    });
};

await runService({
  name: 'under-test',
  stopWithinMs: behaviour === 'hanging stop' ? 300 : 10_000,
  config: () => readConfig(serviceSettings, process.env),
  start: async ({ part, log, fatal }) => {
    log.info('core dump filter', { state: readFileSync('/proc/self/coredump_filter', 'utf8').trim() });
    await part('first', () => 1, close(log, 'first'));
    misbehave(fatal);
    if (behaviour === 'waiting')
      await part('second', () => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' })));
    if (behaviour === 'ordinary') await part('second', () => 2, close(log, 'second'));
  },
});
