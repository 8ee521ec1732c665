import { readFile } from 'node:fs/promises';
import { CliFailure, EXIT } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** The sources of the tokens to store; `-` is standard input. */
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
 * Reads tokens from files, from standard input or from a hidden prompt; never from an argument, which every process of the
 * machine can read. Without a file for the access token, the prompt asks for both tokens.
 */
export const readTokens = async (terminal: Terminal, sources: SecretSources): Promise<SecretTokens> => {
  const { accessTokenFile, refreshTokenFile } = sources;
  if (accessTokenFile === undefined) return askTokens(terminal, refreshTokenFile);
  if (accessTokenFile === '-' && refreshTokenFile === '-')
    throw new CliFailure('standard input can hold one token only; pass a file for the other', EXIT.usage);
  return {
    accessToken: await readSecret(terminal, accessTokenFile),
    refreshToken: refreshTokenFile === undefined ? null : await readSecret(terminal, refreshTokenFile),
  };
};

const askTokens = async (terminal: Terminal, refreshTokenFile: string | undefined): Promise<SecretTokens> => {
  const accessToken = await terminal.askHidden('Access token (not shown): ');
  if (accessToken === null)
    throw new CliFailure(
      'no source of the access token; pass --access-token-file <file>, or - for standard input',
      EXIT.usage,
    );
  if (refreshTokenFile !== undefined)
    return { accessToken, refreshToken: await readSecret(terminal, refreshTokenFile) };
  const refreshToken = await terminal.askHidden('Refresh token (not shown; empty: none): ');
  return { accessToken, refreshToken: refreshToken || null };
};

/** Removes one trailing line end, such as `echo` writes. */
const readSecret = async (terminal: Terminal, source: string): Promise<string> => {
  const text = source === '-' ? await terminal.readInput() : await readText(source);
  return text.replace(/\r?\n$/, '');
};

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CliFailure(`${path} cannot be read (${code})`, EXIT.usage);
  }
};
