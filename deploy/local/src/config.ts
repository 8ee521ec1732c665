import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Part, PartName } from './part.ts';

/** What the environment says about the parts of this machine. */
export type LocalConfig = {
  readonly environment: NodeJS.ProcessEnv;
  /** Downloads stay here. */
  readonly cacheDir: string;
  /** `auto`: a Docker engine where one answers, else processes. */
  readonly source: 'auto' | 'docker' | 'processes';
  /** Addresses that are given: their parts are neither looked for nor started. */
  given(part: Part): string | undefined;
  /** The port of development. */
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

/** The variables by which everything else finds the parts. */
export type PartEnvironment = Readonly<Record<string, string>>;

/** The AWS SDK asks for credentials before it asks anybody else: for the KMS of this machine any will do. */
export const localAwsEnvironment: PartEnvironment = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
};

export type PartAddresses<Name extends PartName> = Readonly<Record<Name, string>>;

function readSource(value: string): LocalConfig['source'] {
  if (value === 'auto' || value === 'docker' || value === 'processes') return value;
  throw new Error(`VAULT_PARTS is "${value}": it is auto, docker or processes`);
}

function readPort(variable: string, value: string | undefined, standard: number): number {
  if (!value) return standard;
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`${variable} is "${value}": it is a port number`);
}
