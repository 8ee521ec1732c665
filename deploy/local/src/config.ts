import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Part, PartName } from './part.ts';

/** Settings of the parts on this machine, from the environment. */
export type LocalConfig = {
  readonly environment: NodeJS.ProcessEnv;
  /** Folder of downloads. */
  readonly cacheDir: string;
  /** `auto`: a Docker engine if one answers, else processes. */
  readonly source: 'auto' | 'docker' | 'processes';
  /** The address of a running part, which is then used and not started. */
  given(part: Part): string | undefined;
  /** The fixed port of `npm start`. */
  port(part: Part): number;
};

/** @throws naming the variable that is wrong */
export function readLocalConfig(environment: NodeJS.ProcessEnv = process.env): LocalConfig {
  const cache = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return {
    environment,
    cacheDir: join(cache, 'vault-engine'),
    source: readSource(environment['VAULT_PARTS'] || 'auto'),
    given: (part) => environment[part.addressVariable] || undefined,
    port: (part) => readPort(part.portVariable, environment[part.portVariable], part.port),
  };
}

/** Environment variables with the addresses of the parts. */
export type PartEnvironment = Readonly<Record<string, string>>;

/** The AWS SDK requires credentials before any request. The local KMS accepts any. */
export const localAwsEnvironment: PartEnvironment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
};

export type PartAddresses<Name extends PartName> = Readonly<Record<Name, string>>;

function readSource(value: string): LocalConfig['source'] {
  if (value === 'auto' || value === 'docker' || value === 'processes') return value;
  throw new Error(`VAULT_PARTS is "${value}"; use auto, docker or processes`);
}

function readPort(variable: string, value: string | undefined, standard: number): number {
  if (!value) return standard;
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`${variable} is "${value}"; use a port number`);
}
