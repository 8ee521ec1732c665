import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { hardenProcess, type Weakness } from './harden-process.ts';
import { createHealth, type Health } from './health.ts';
import { keepGarbageYoung } from './keep-garbage-young.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { serveOperations } from './serve-operations.ts';
import type { LogLevel, OperationsSettings, VaultEnvironment } from './settings.ts';
import { type OpenPart, stopInReverse } from './stop-in-reverse.ts';
import { EXIT_CONFIG, isRefusal, printRefusal, untilStopped } from './until-stopped.ts';
import { waitUntilReady, watchPart } from './wait-until-ready.ts';

/** The part of a configuration that every service has: spread `serviceSettings` into its sections. */
export interface ServiceConfig {
  readonly environment: VaultEnvironment;
  readonly log: { readonly level: LogLevel };
  readonly node: { readonly options: string };
  readonly operations: OperationsSettings;
}

/** What a service is given at its start. */
export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Registry;
  readonly health: Health;
  /** Aborted when the service begins to stop, before any part is closed. */
  readonly stopping: AbortSignal;
  /**
   * Opens a part, and closes it when the service stops, in reverse order. While the part does not answer (`isOutage`),
   * the service is unready and tries again; `open` must release everything when it rejects.
   */
  readonly part: <Value>(
    name: string,
    open: () => Promise<Value> | Value,
    close?: (value: Value) => Promise<void> | void,
  ) => Promise<Value>;
  /** Probes an open part every 5 s and sets its state in the readiness. */
  readonly watch: (name: string, probe: () => Promise<void>) => void;
  /** Stops the service with exit code 1. For faults that arise after the start. */
  readonly fatal: (error: unknown) => void;
}

/** A service, as its `main.ts` describes it. */
export interface Service<Config extends ServiceConfig> {
  readonly name: string;
  /** Reads the configuration; may throw `ConfigRefused`. */
  readonly config: () => Config;
  /** Opens the parts in order, and resolves when the service works. */
  readonly start: (context: ServiceContext<Config>) => Promise<void>;
  /** How long all parts together may take to stop, milliseconds. Default 20 s; Kubernetes grants 30 s. */
  readonly stopWithinMs?: number;
}

/** How long a start in progress may take to end after the stop signal. */
const START_ENDS_WITHIN_MS = 2000;

/**
 * Runs a service until it is stopped: reads the configuration, hardens the process, serves health and metrics, starts the
 * service, waits for SIGTERM, SIGINT or a fatal error, stops the parts in reverse, and ends the process.
 *
 * Exit codes: 0 clean stop; 1 a fatal error, or parts that did not stop; 78 an operator has to change something
 * (configuration, profiles, a key file); 128 + n immediate exit at a second signal.
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
    // The stop rejects the part that the start waits for. That is not an error.
    if (ending.stopping.aborted) return;
    if (isRefusal(error)) printRefusal(service.name, error);
    ending.fatal(error);
  });

  const exitCode = await ending.stopped;
  health.stopping();
  await Promise.race([starting, sleepFor(START_ENDS_WITHIN_MS)]);
  const clean = await stopInReverse(parts, service.stopWithinMs ?? 20_000, log);
  log.info('stopped', { code: String(clean ? exitCode : 1) });
  return process.exit(clean ? exitCode : 1);
};

const readOrExit = <Config extends ServiceConfig>({ name, config }: Service<Config>): Config => {
  try {
    return config();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // There is no log yet: its level is part of the refused configuration.
    printRefusal(name, error);
    return process.exit(EXIT_CONFIG);
  }
};

/** In development a debugger may be attached. In production a process whose memory others can read does not start. */
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
