import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { EXIT_CONFIG, isRefusal, sayRefusal } from './exit-codes.ts';
import { hardenProcess, type Weakness } from './harden-process.ts';
import { createHealth, type Health } from './health.ts';
import { keepGarbageYoung } from './keep-garbage-young.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { serveOperations } from './serve-operations.ts';
import type { LogLevel, OperationsSettings, VaultEnvironment } from './settings.ts';
import { type OpenPart, stopInReverse } from './stop-in-reverse.ts';
import { untilStopped } from './until-stopped.ts';
import { waitUntilReady, watchPart } from './wait-until-ready.ts';

/** What every service's configuration has: spread `serviceSettings` into its sections. */
export interface ServiceConfig {
  readonly environment: VaultEnvironment;
  readonly log: { readonly level: LogLevel };
  readonly node: { readonly options: string };
  readonly operations: OperationsSettings;
}

/** What a service starts with. */
export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Registry;
  readonly health: Health;
  /** Aborted when the service begins to stop, before any part is closed. */
  readonly stopping: AbortSignal;
  /**
   * Opens a part and remembers how to close it. While the part does not answer (`isOutage`), the service waits unready
   * and tries again; `open` must leave nothing behind when it rejects. Parts are closed in reverse order.
   */
  readonly part: <Value>(
    name: string,
    open: () => Promise<Value> | Value,
    close?: (value: Value) => Promise<void> | void,
  ) => Promise<Value>;
  /** Probes an opened part every 5 s and keeps its state in the readiness. */
  readonly watch: (name: string, probe: () => Promise<void>) => void;
  /** Stops the service with exit code 1. For faults that arise after the start. */
  readonly fatal: (error: unknown) => void;
}

/** A service as `main.ts` describes it. */
export interface Service<Config extends ServiceConfig> {
  readonly name: string;
  /** Reads the configuration; may throw `ConfigRefused`. */
  readonly config: () => Config;
  /** Builds the parts, in order, and resolves when the service does its work. */
  readonly start: (context: ServiceContext<Config>) => Promise<void>;
  /** How long all parts together may take to stop. 20 s, inside the 30 s that Kubernetes gives. */
  readonly stopWithinMs?: number;
}

/** How long a start that is under way may take to notice that the service is to stop. */
const START_MAY_LINGER_MS = 2000;

/**
 * Runs a service until it is told to stop: reads the configuration, hardens the process, serves health and metrics,
 * starts the service, waits for SIGTERM, SIGINT or a fatal error, stops the parts in reverse, and ends the process.
 *
 * Exit codes: 0 stopped in order; 1 a fatal error, or parts that did not stop; 78 something that an
 * operator has to change: configuration, profiles, a key file; 128 + n at
 * once by a second signal.
 */
export const runService = async <Config extends ServiceConfig>(service: Service<Config>): Promise<never> => {
  keepGarbageYoung();
  const config = readOrExit(service);
  const log = createLog({ service: service.name, level: config.log.level });
  const ending = untilStopped(log);
  refuseWeaknesses(hardenProcess(config.node.options), config.environment, log);

  const health = createHealth();
  const metrics = createMetrics(service.name, health);
  const parts: OpenPart[] = [];
  const part = opener(parts, ending.stopping, health, log);
  const watch = watcher(ending.stopping, health, log);
  const context = { config, log, metrics, health, stopping: ending.stopping, part, watch, fatal: ending.fatal };
  const starting = start(service, context).catch((error: unknown) => {
    // A part that was waited for when the service was told to stop rejects: that is no fault.
    if (ending.stopping.aborted) return;
    if (isRefusal(error)) sayRefusal(service.name, error);
    ending.fatal(error);
  });

  const exitCode = await ending.stopped;
  health.stopping();
  await Promise.race([starting, sleepFor(START_MAY_LINGER_MS)]);
  const clean = await stopInReverse(parts, service.stopWithinMs ?? 20_000, log);
  log.info('stopped', { code: String(clean ? exitCode : 1) });
  return process.exit(clean ? exitCode : 1);
};

const readOrExit = <Config extends ServiceConfig>({ name, config }: Service<Config>): Config => {
  try {
    return config();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // There is no log yet: its level is part of what was refused.
    sayRefusal(name, error);
    return process.exit(EXIT_CONFIG);
  }
};

/** A developer may attach a debugger; in production a process whose memory others can read does not start. */
const refuseWeaknesses = (weaknesses: readonly Weakness[], environment: VaultEnvironment, log: Log): void => {
  for (const { reason, remedy, refused } of weaknesses) {
    if (environment === 'development') log.debug('memory can reach a disk or a debugger', { reason, remedy });
    else log[refused ? 'fatal' : 'warn']('memory can reach a disk or a debugger', { reason, remedy });
  }
  if (environment === 'production' && weaknesses.some(({ refused }) => refused)) process.exit(EXIT_CONFIG);
};

const start = async <Config extends ServiceConfig>(service: Service<Config>, context: ServiceContext<Config>) => {
  const { config, log, metrics, health, part } = context;
  const operations = await part(
    'operations',
    () => serveOperations(config.operations, metrics, health),
    (server) => server.close(),
  );
  log.info('starting', { environment: config.environment, address: operations.url });
  await service.start(context);
  health.started();
  log.info('started');
};

const opener =
  (parts: OpenPart[], signal: AbortSignal, health: Health, log: Log): ServiceContext<unknown>['part'] =>
  async (name, open, close = () => {}) => {
    const value = await waitUntilReady(async () => open(), { part: name, signal, health, log });
    if (signal.aborted) {
      await close(value);
      signal.throwIfAborted();
    }
    parts.push({ part: name, close: () => close(value) });
    return value;
  };

const watcher =
  (signal: AbortSignal, health: Health, log: Log): ServiceContext<unknown>['watch'] =>
  (name, probe) => {
    void watchPart(probe, { part: name, signal, health, log });
  };
