import type { Part, PreparedPart } from './part.ts';
import { installPython } from './python.ts';
import { answersHttp } from './socket-exchange.ts';
import type { ToolContext } from './tools.ts';

const version = '5.2.5';

/** The AWS KMS of moto. Its keys are in memory: for tests only. */
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
  const packages = [`moto[kms]==${version}`, 'flask==3.1.3', 'flask-cors==6.0.5'];
  const { command, env } = await installPython(context, `moto-${version}`, packages);
  return {
    program: (at) => ({
      command,
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(at.port)],
      env: { ...env, ...at.settings },
    }),
  };
}
