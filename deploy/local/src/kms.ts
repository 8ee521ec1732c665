import { cached } from './download-cache.ts';
import { MissingPart } from './missing-part.ts';
import type { Part, PreparedPart } from './part.ts';
import { runCommand } from './run-command.ts';
import { answersHttp } from './socket-exchange.ts';
import { findPython, type ToolContext } from './tools.ts';

const version = '5.2.5';

/** moto's AWS KMS. It keeps its keys in memory: for tests, not for data that is to stay. */
export const kms: Part = {
  name: 'kms',
  title: `KMS (moto ${version})`,
  port: 14666,
  portVariable: 'VAULT_KMS_PORT',
  addressVariable: 'AWS_ENDPOINT_URL_KMS',
  address: (port) => `http://127.0.0.1:${port}`,
  prepare,
  isReady: (port) => answersHttp(`http://127.0.0.1:${port}/moto-api/`),
};

async function prepare(context: ToolContext): Promise<PreparedPart> {
  const python = await findPython(context);
  const modules = await cached(context.cacheDir, `moto-${version}`, context.log, (folder) => install(python, folder));
  return {
    program: (at) => ({
      command: python,
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(at.port)],
      env: { PYTHONPATH: modules, ...at.settings },
    }),
  };
}

/** Into a folder of its own: a system's Python refuses packages beside its own (PEP 668). */
async function install(python: string, folder: string): Promise<void> {
  const packages = [`moto[kms]==${version}`, 'flask==3.1.3', 'flask-cors==6.0.5'];
  const args = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', folder, ...packages];
  const result = await runCommand({ command: python, args });
  if (result.ok) return;
  throw new MissingPart(
    `pip could not fetch moto (${result.reason}): check the network. ${result.output.trim().slice(-300)}`,
  );
}
