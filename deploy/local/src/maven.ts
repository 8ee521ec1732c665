import { dirname } from 'node:path';
import { MissingPart } from './missing-part.ts';
import { runCommand } from './run-command.ts';
import { findJava, findMaven, type ToolContext } from './tools.ts';

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

/** Runs one goal of Maven's dependency plugin. @throws MissingPart */
export async function mavenGoal(context: ToolContext, goal: string, args: readonly string[]): Promise<void> {
  const java = await findJava(context);
  const maven = await findMaven(context);
  const result = await runCommand({
    command: maven,
    args: ['-q', '-B', `${plugin}:${goal}`, ...args],
    // Maven takes whatever Java it likes better otherwise.
    ...(java.endsWith('/bin/java') && java !== '/usr/bin/java' ? { env: { JAVA_HOME: dirname(dirname(java)) } } : {}),
  });
  if (result.ok) return;
  const cause = result.output.split('\n').find((line) => line.includes('[ERROR]')) ?? result.output.slice(-300);
  throw new MissingPart(
    `Maven could not fetch it (${result.reason}): check the network and Maven's settings. ${cause.trim()}`,
  );
}
