import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliFailure } from './failure.ts';

/** Input and output of the commands. */
export interface Terminal {
  /** Prints a line of the result to standard output. */
  readonly out: (line: string) => void;
  /** Prints a line to standard error, so that a pipe receives the result alone. */
  readonly note: (line: string) => void;
  /** Reads standard input to its end. */
  readonly readInput: () => Promise<string>;
  /** Asks a yes-or-no question; null if standard input is not a terminal. */
  readonly confirm: (question: string) => Promise<boolean | null>;
  /** Prompts without echo; null if standard input is not a terminal. */
  readonly askHidden: (question: string) => Promise<string | null>;
}

/** The terminal of this process. */
export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  readInput: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  },
  confirm: async (question) => {
    if (!process.stdin.isTTY) return null;
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    const answer = Promise.withResolvers<string>();
    prompt.question(question, answer.resolve);
    prompt.once('close', () => answer.resolve(''));
    try {
      return /^y(es)?$/i.test((await answer.promise).trim());
    } finally {
      prompt.close();
    }
  },
  askHidden: async (question) => {
    if (!process.stdin.isTTY) return null;
    process.stderr.write(question);
    try {
      return await readHiddenLine();
    } finally {
      process.stderr.write('\n');
    }
  },
};

/** readline with a terminal as input and a discarding output echoes nothing. */
const readHiddenLine = async (): Promise<string> => {
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: discard, terminal: true });
  const line = Promise.withResolvers<string>();
  prompt.once('line', line.resolve);
  // Ctrl-D and Ctrl-C.
  prompt.once('close', () => line.reject(new CliFailure('no input')));
  prompt.once('SIGINT', () => prompt.close());
  try {
    return await line.promise;
  } finally {
    prompt.close();
  }
};

/** Indented JSON. */
export const json = (value: unknown): string => JSON.stringify(value, null, 2);
