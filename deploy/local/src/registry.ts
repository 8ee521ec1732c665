import { join } from 'node:path';
import type { Program } from './child.ts';
import { cached } from './download-cache.ts';
import type { Part, Placement, PreparedPart } from './part.ts';
import { answersHttp } from './socket-exchange.ts';
import { findJava, mavenGoal, type ToolContext } from './tools.ts';

const version = '2.6.13.Final';

/** Apicurio Registry with its Confluent-compatible API. */
export const registry: Part = {
  name: 'registry',
  title: `Apicurio Registry ${version}`,
  port: 18181,
  portVariable: 'VAULT_REGISTRY_PORT',
  addressVariable: 'VAULT_REGISTRY_URL',
  address,
  prepare,
  isReady: (port) => answersHttp(`${address(port)}/subjects`),
};

function address(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

async function prepare(context: ToolContext): Promise<PreparedPart> {
  const java = await findJava(context);
  const folder = await cached(context.cacheDir, `apicurio-registry-${version}`, context.log, (partial) =>
    mavenGoal(context, 'unpack', [
      `-Dartifact=io.apicurio:apicurio-registry-app:${version}:tar.gz:all`,
      `-DoutputDirectory=${partial}`,
      `-Dproject.basedir=${partial}`,
    ]),
  );
  return { program: (at) => server(java, folder, at) };
}

function server(java: string, folder: string, at: Placement): Program {
  return {
    command: java,
    args: [
      '-Xmx192m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${at.port}`,
      '-Dquarkus.http.access-log.enabled=false',
      '-Dregistry.ccompat.use-canonical-hash=true',
      // Records contain schema ids, so an id must never be reassigned. The database is a file, and writes are not delayed (H2's
      // default is half a second), so that a returned id survives SIGKILL.
      `-Dquarkus.datasource.jdbc.url=jdbc:h2:file:${join(at.dataDir, 'registry')};DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0`,
      '-Dquarkus.datasource.jdbc.initial-size=2',
      '-Dquarkus.datasource.jdbc.min-size=2',
      '-jar',
      join(folder, `apicurio-registry-app-${version}-runner.jar`),
    ],
    env: at.settings,
  };
}
