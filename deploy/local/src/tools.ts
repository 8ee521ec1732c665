import { existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { MissingPart } from './missing-part.ts';
import type { Log } from './progress.ts';
import { runCommand } from './run-command.ts';

/** Dependencies of finding a program. */
export type ToolContext = {
  readonly cacheDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** Installs a package of the system if permitted. @returns whether it is installed */
  readonly installPackage: (name: string) => Promise<boolean>;
};

const oldestJava = 17;

/** A `java` of version 17 or newer. @throws MissingPart */
export async function findJava(context: ToolContext): Promise<string> {
  const found = await firstNewJava(context.environment);
  if (found) return found;
  if (await context.installPackage('default-jre-headless')) {
    const installed = await firstNewJava(context.environment);
    if (installed) return installed;
  }
  throw new MissingPart(
    `Java ${oldestJava} or newer is missing (Kafka and the registry need it): install a JRE (Debian: apt install default-jre-headless), set JAVA_HOME, or start Docker`,
  );
}

/** `mvn`. @throws MissingPart */
export function findMaven(context: ToolContext): Promise<string> {
  return onPathOrInstalled(
    context,
    'mvn',
    'maven',
    'Maven is missing (it downloads Kafka and the registry): install it (Debian: apt install maven), or start Docker',
  );
}

/** `redis-server`. @throws MissingPart */
export function findRedis(context: ToolContext): Promise<string> {
  return onPathOrInstalled(
    context,
    'redis-server',
    'redis-server',
    'redis-server is missing: install it (Debian: apt install redis-server; macOS: brew install redis), set VAULT_REDIS_URL, or start Docker',
  );
}

/** `prometheus`, which only tests start. @throws MissingPart */
export function findPrometheus(context: ToolContext): Promise<string> {
  return onPathOrInstalled(
    context,
    'prometheus',
    'prometheus',
    'prometheus is missing: install it (Debian: apt install prometheus; macOS: brew install prometheus)',
  );
}

/** A `python3` that has pip. @throws MissingPart */
export async function findPython(context: ToolContext): Promise<string> {
  const python = findOnPath('python3', context.environment);
  if (python && (await hasPip(python))) return python;
  if (await context.installPackage('python3-pip')) return '/usr/bin/python3';
  throw new MissingPart(
    'Python 3 with pip is missing (the KMS of the tests and the interop test need it): install it (Debian: apt install python3-pip); for the KMS, AWS_ENDPOINT_URL_KMS or Docker also suffice',
  );
}

/** Full path of a program on the PATH. */
export function findOnPath(program: string, environment: NodeJS.ProcessEnv): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** The major version in the output of `java -version`: 17 for `openjdk version "17.0.16"`, 8 for `"1.8.0_402"`. */
export function javaMajorVersion(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output);
  return match ? Number(match[1]) : undefined;
}

async function onPathOrInstalled(
  context: ToolContext,
  program: string,
  debianPackage: string,
  remedy: string,
): Promise<string> {
  const found = findOnPath(program, context.environment);
  if (found) return found;
  if (await context.installPackage(debianPackage)) {
    const installed = findOnPath(program, context.environment);
    if (installed) return installed;
  }
  throw new MissingPart(remedy);
}

async function firstNewJava(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const java of javaCandidates(environment)) {
    const answer = await runCommand({ command: java, args: ['-version'] }, 20_000);
    const version = answer.ok ? javaMajorVersion(answer.output) : undefined;
    if (version !== undefined && version >= oldestJava) return java;
  }
  return undefined;
}

function javaCandidates(environment: NodeJS.ProcessEnv): string[] {
  const home = environment['JAVA_HOME'];
  const onPath = findOnPath('java', environment);
  const homes = existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm').map((name) => join('/usr/lib/jvm', name)) : [];
  const all = [
    ...(home ? [join(home, 'bin/java')] : []),
    ...(onPath ? [onPath] : []),
    ...homes.map((folder) => join(folder, 'bin/java')),
  ];
  return [...new Set(all)].filter((path) => existsSync(path));
}

async function hasPip(python: string): Promise<boolean> {
  return (await runCommand({ command: python, args: ['-m', 'pip', '--version'] }, 60_000)).ok;
}

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

/** Runs one goal of Maven's dependency plugin. @throws MissingPart */
export async function mavenGoal(context: ToolContext, goal: string, args: readonly string[]): Promise<void> {
  const java = await findJava(context);
  const maven = await findMaven(context);
  const result = await runCommand({
    command: maven,
    args: ['-q', '-B', `${plugin}:${goal}`, ...args],
    // Without JAVA_HOME, Maven may choose another Java.
    ...(java.endsWith('/bin/java') && java !== '/usr/bin/java' ? { env: { JAVA_HOME: dirname(dirname(java)) } } : {}),
  });
  if (result.ok) return;
  const cause = result.output.split('\n').find((line) => line.includes('[ERROR]')) ?? result.output.slice(-300);
  throw new MissingPart(
    `Maven failed to download it (${result.reason}): check the network and Maven's settings. ${cause.trim()}`,
  );
}
