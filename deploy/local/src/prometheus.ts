import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './child.ts';
import { readLocalConfig } from './config.ts';
import { toolContext } from './debian-package.ts';
import { freePort } from './ports.ts';
import { findPrometheus } from './tools.ts';

/** One series of a query's answer. */
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** A Prometheus for a test, with its data in a folder of its own. */
export type Prometheus = {
  /** The instant vector of a PromQL query. @throws when Prometheus refuses the query */
  query(expression: string): Promise<readonly Sample[]>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
};

const READY_WITHIN_MS = 30_000;

/**
 * Starts a Prometheus that scrapes `targets` (`host:port`, path `/metrics`) once a second. Debian's package is installed
 * where that is allowed.
 *
 * @throws MissingPart when the machine has no Prometheus
 */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const command = await findPrometheus(toolContext(readLocalConfig(), () => undefined));
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-prometheus-'));
  const address = `127.0.0.1:${await freePort()}`;
  const configFile = join(folder, 'prometheus.yml');
  // JSON is YAML.
  const jobs = [{ job_name: 'vault', static_configs: [{ targets }] }];
  await writeFile(configFile, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: jobs }));
  const child = await startChild(
    {
      command,
      args: [`--config.file=${configFile}`, `--storage.tsdb.path=${folder}`, `--web.listen-address=${address}`],
    },
    join(folder, 'prometheus.log'),
  );
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  for (const until = Date.now() + READY_WITHIN_MS; !(await isReady(address)); await sleep(100)) {
    if (Date.now() < until) continue;
    await stop();
    throw new Error(`Prometheus was not ready within ${READY_WITHIN_MS / 1_000} s`);
  }
  return { query: (expression) => query(address, expression), stop };
}

async function isReady(address: string): Promise<boolean> {
  const response = await fetch(`http://${address}/-/ready`).catch(() => null);
  await response?.arrayBuffer();
  return response?.ok ?? false;
}

type Answer = {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: [number, string] }[];
  };
};

async function query(address: string, expression: string): Promise<readonly Sample[]> {
  const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { status, error, data } = (await response.json()) as Answer; // the form of Prometheus' HTTP API
  if (status !== 'success' || data === undefined) throw new Error(`Prometheus refused ${expression}: ${error}`);
  return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
}
