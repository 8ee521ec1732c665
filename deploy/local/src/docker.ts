import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import type { LocalConfig } from './config.ts';
import type { Part, PartName, Started } from './part.ts';
import { freePort } from './ports.ts';
import { type Log, withProgress } from './progress.ts';
import { root } from './root.ts';
import { runCommand } from './run-command.ts';
import { findOnPath } from './tools.ts';
import { runAtEnd } from './watchdog.ts';

/** Whether a Docker engine answers. An installed client without an engine does not count. */
export async function dockerAnswers(environment: NodeJS.ProcessEnv): Promise<boolean> {
  const docker = findOnPath('docker', environment);
  if (!docker) return false;
  return (await runCommand({ command: docker, args: ['version', '--format', '{{.Server.Version}}'] }, 10_000)).ok;
}

/** Starts parts by docker-compose.yml; their data stay in its volumes. */
export async function startComposed(config: LocalConfig, wanted: readonly Part[], log: Log): Promise<Started> {
  const services = wanted.map((part) => part.name);
  const env = Object.fromEntries(wanted.map((part) => [part.portVariable, String(config.port(part))]));
  const stopCommand = ['docker', 'compose', 'stop', ...services];
  const done = runAtEnd(root, stopCommand);
  const stop = async () => {
    await runCommand({ command: 'docker', args: stopCommand.slice(1), cwd: root, env }, 60_000);
    done();
  };
  const args = ['compose', 'up', '--detach', '--wait', ...services];
  const result = await withProgress(log, `docker compose up ${services.join(' ')}`, () =>
    runCommand({ command: 'docker', args, cwd: root, env }),
  );
  if (!result.ok) {
    await stop();
    throw new Error(`docker compose up failed (${result.reason}): ${result.output.trim().split('\n').at(-1)}`);
  }
  return { addresses: Object.fromEntries(wanted.map((part) => [part.name, part.address(config.port(part))])), stop };
}

/** Starts parts by testcontainers, whose reaper removes them when this process ends in any way. */
export async function startContainers(wanted: readonly Part[], log: Log): Promise<Started> {
  const started = await Promise.allSettled(wanted.map((part) => startContainer(part, log)));
  const running = started.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const stop = async () => {
    await Promise.all(running.map(({ container }) => container.stop()));
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { addresses: Object.fromEntries(running.map(({ name, address }) => [name, address])), stop };
}

async function startContainer(part: Part, log: Log) {
  const port = await freePort();
  const container = await withProgress(log, `${part.title}: starting its container`, () => containers[part.name](port));
  return { name: part.name, address: part.address(port), container };
}

/** The images and settings of docker-compose.yml, without volumes. The broker advertises the host's port. */
const containers: Readonly<Record<PartName, (port: number) => Promise<StartedTestContainer>>> = {
  kafka: (port) =>
    new GenericContainer('apache/kafka:4.1.1')
      .withExposedPorts({ container: port, host: port })
      .withEnvironment({
        KAFKA_NODE_ID: '1',
        KAFKA_PROCESS_ROLES: 'broker,controller',
        KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
        KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
        KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
        KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
        KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
        KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
        KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
        KAFKA_LOG_RETENTION_CHECK_INTERVAL_MS: '10000',
        KAFKA_LOG_SEGMENT_DELETE_DELAY_MS: '5000',
      })
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .start(),
  registry: (port) =>
    new GenericContainer('apicurio/apicurio-registry-mem:2.6.13.Final')
      .withExposedPorts({ container: 8080, host: port })
      .withEnvironment({ REGISTRY_CCOMPAT_USE_CANONICAL_HASH: 'true' })
      .withWaitStrategy(Wait.forHttp('/apis/ccompat/v7/subjects', 8080))
      .start(),
  redis: (port) =>
    new GenericContainer('redis:7.2')
      .withExposedPorts({ container: 6379, host: port })
      .withCommand([
        'redis-server',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--maxmemory-policy',
        'noeviction',
      ])
      .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
      .start(),
  kms: (port) =>
    new GenericContainer('motoserver/moto:5.2.5')
      .withExposedPorts({ container: 5000, host: port })
      .withWaitStrategy(Wait.forHttp('/moto-api/', 5000))
      .start(),
};
