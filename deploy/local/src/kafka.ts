import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './child.ts';
import { cached } from './download-cache.ts';
import type { Part, Placement, PreparedPart } from './part.ts';
import { exchange } from './socket-exchange.ts';
import { findJava, mavenGoal, type ToolContext } from './tools.ts';

const version = '4.1.1';
const pom = fileURLToPath(new URL('../maven/kafka.pom.xml', import.meta.url));
/** 16 bytes in base64. The cluster id is stored in the log folder and must be the same at the next start. */
const clusterId = 'dmF1bHQtZW5naW5lLWRldg';

/** Apache Kafka as one KRaft node, both broker and controller. */
export const kafka: Part = {
  name: 'kafka',
  title: `Kafka ${version}`,
  port: 19192,
  portVariable: 'VAULT_KAFKA_PORT',
  addressVariable: 'VAULT_KAFKA_BROKERS',
  address: (port) => `127.0.0.1:${port}`,
  prepare,
  isReady,
};

async function prepare(context: ToolContext): Promise<PreparedPart> {
  const java = await findJava(context);
  const jars = await cached(context.cacheDir, `kafka-${version}`, context.log, (folder) =>
    mavenGoal(context, 'copy-dependencies', ['-f', pom, `-Dkafka.version=${version}`, `-DoutputDirectory=${folder}`]),
  );
  return {
    format: async (at) => ({
      command: java,
      args: [
        ...javaOptionsOf(at),
        ...['-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', await writeSettings(at)],
      ],
    }),
    program: async (at) => broker(java, jars, at, await writeSettings(at)),
  };
}

function javaOptionsOf({ javaOptions = ['-Xmx512m'] }: Placement): readonly string[] {
  return javaOptions;
}

function broker(java: string, jars: string, at: Placement, settings: string): Program {
  return {
    command: java,
    args: [
      ...javaOptionsOf(at),
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
      '-cp',
      `${jars}/*`,
      'kafka.Kafka',
      settings,
    ],
  };
}

async function writeSettings(at: Placement): Promise<string> {
  const path = join(at.dataDir, 'server.properties');
  await mkdir(at.dataDir, { recursive: true });
  const lines = Object.entries({ ...singleNode(at), ...at.settings }).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(path, lines.join(''));
  return path;
}

/** With a static voter, the controller port may change between starts on the same data. */
function singleNode({ port, sidePort, dataDir }: Placement): Record<string, string> {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${sidePort}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${sidePort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(dataDir, 'logs'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // The default checks retention every five minutes, too rarely for topics that retain minutes.
    'log.retention.check.interval.ms': '10000',
    'log.segment.delete.delay.ms': '5000',
  };
}

/** A broker that has not yet joined its cluster (fenced) lists no broker, although its port is open. */
async function isReady(port: number): Promise<boolean> {
  return (await liveBrokers(port)).length > 0;
}

/**
 * The node ids of the unfenced brokers in the metadata of the broker at `port`; empty if it does not answer. Sends a Metadata
 * request, version 1, without topics: https://kafka.apache.org/protocol#The_Messages_Metadata
 */
export async function liveBrokers(port: number): Promise<readonly number[]> {
  const request = Buffer.from('0003000100000001ffff00000000', 'hex');
  const size = Buffer.alloc(4);
  size.writeInt32BE(request.length);
  const answer = await exchange(port, Buffer.concat([size, request]));
  return answer === undefined || answer.length < 12 ? [] : brokersIn(answer);
}

/** Layout: size, correlation id, number of brokers, then node id, host, port and rack of each; strings follow their int16 length (-1: null). */
function brokersIn(answer: Buffer): readonly number[] {
  const ids: number[] = [];
  let at = 12;
  for (let left = answer.readInt32BE(8); left > 0 && at + 6 <= answer.length; left -= 1) {
    ids.push(answer.readInt32BE(at));
    const rack = at + 6 + answer.readInt16BE(at + 4) + 4;
    if (rack + 2 > answer.length) break;
    at = rack + 2 + Math.max(0, answer.readInt16BE(rack));
  }
  return ids;
}
