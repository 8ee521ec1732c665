import { join } from 'node:path';
import { isFree, type Log, MissingPart, portHolder, type RunningService, startService } from '@vault-engine/local';
import { type ServicePlan, servicePlans, type VaultPlace } from './services.ts';

/** The services of one vault, running. */
export interface RunningVault {
  /** By name, in the order of their plans. */
  readonly services: ReadonlyMap<string, RunningService>;
  /** Ends them in reverse order. */
  readonly stop: () => Promise<void>;
}

/** Options of {@link runVault}. */
export interface RunOptions {
  readonly place: VaultPlace;
  /** Services to run; default: {@link servicePlans}. */
  readonly plans?: readonly ServicePlan[];
  readonly logDir: string;
  readonly log: Log;
  /** Called with a message if a service ends by itself. */
  readonly onCrash: (what: string) => void;
}

/**
 * Starts every service in its own process, concurrently, and resolves when all are ready: each service waits for its
 * dependencies. Rejects, after stopping the started services, if a port is in use or a service does not become ready.
 */
export const runVault = async ({
  place,
  plans = servicePlans(place),
  logDir,
  log,
  onCrash,
}: RunOptions): Promise<RunningVault> => {
  await Promise.all(plans.map(portIsFree));
  const starts = await Promise.allSettled(
    plans.map(async ({ name, entry, env, operations }) => {
      const service = await startService({ name, entry, env, ready: `${operations}/readyz`, logDir, onCrash });
      log(`  ${name}: ready, log in ${join(logDir, `${name}.log`)}`);
      return service;
    }),
  );
  const running = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const stop = async (): Promise<void> => {
    for (const service of running.toReversed()) await service.stop();
  };
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return { services: new Map(running.map((service) => [service.name, service])), stop };
};

const portIsFree = async ({ name, operations, port: served }: ServicePlan): Promise<void> => {
  const ports = [Number(new URL(operations).port), ...(served === undefined ? [] : [served])];
  for (const port of ports) {
    if (await isFree(port)) continue;
    const holder = (await portHolder(port)) ?? 'another process';
    throw new MissingPart(
      `port ${port} of ${name} is in use by ${holder}: stop it, or set VAULT_FIRST_PORT to the first of 20 free ports`,
    );
  }
};
