import { readFile } from 'node:fs/promises';
import { CliFailure, EXIT } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Where the tokens to store come from; `-` is standard input. */
export interface SecretSources {
  readonly accessTokenFile?: string;
  readonly refreshTokenFile?: string;
}

/** The tokens to store. Secrets. */
export interface SecretTokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
}

/**
 * Tokens come from files, from standard input, or from a person who is asked for them; never from an argument, which
 * every process of the machine can read. Where no file is named for the access token, a person is asked for both.
 */
export const readTokens = async (terminal: Terminal, sources: SecretSources): Promise<SecretTokens> => {
  const { accessTokenFile, refreshTokenFile } = sources;
  if (accessTokenFile === undefined) return askTokens(terminal, refreshTokenFile);
  if (accessTokenFile === '-' && refreshTokenFile === '-')
    throw new CliFailure('standard input can hold one token: name a file for the other', EXIT.usage);
  return {
    accessToken: await readSecret(terminal, accessTokenFile),
    refreshToken: refreshTokenFile === undefined ? null : await readSecret(terminal, refreshTokenFile),
  };
};

const askTokens = async (terminal: Terminal, refreshTokenFile: string | undefined): Promise<SecretTokens> => {
  const accessToken = await terminal.askHidden('Access token (not shown): ');
  if (accessToken === null)
    throw new CliFailure(
      'name where the access token comes from: --access-token-file <file>, or - for standard input',
      EXIT.usage,
    );
  if (refreshTokenFile !== undefined)
    return { accessToken, refreshToken: await readSecret(terminal, refreshTokenFile) };
  const refreshToken = await terminal.askHidden('Refresh token (not shown; empty: none): ');
  return { accessToken, refreshToken: refreshToken || null };
};

/** One line end belongs to the file (`echo` writes one), not to the token. */
const readSecret = async (terminal: Terminal, source: string): Promise<string> => {
  const text = source === '-' ? await terminal.readInput() : await readText(source);
  return text.replace(/\r?\n$/, '');
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CliFailure(`${path} can not be read (${code})`, EXIT.usage);
  }
};
