import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliFailure } from './failure.ts';

/** How commands speak with people and scripts. */
export interface Terminal {
  /** One line of the answer. */
  readonly out: (line: string) => void;
  /** One line beside the answer: on standard error, so that a script's pipe has the answer alone. */
  readonly note: (line: string) => void;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
  /** Asks a person and does not show what is typed; null where nobody sits there. */
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

/** With a terminal for its input and nowhere for its output, readline shows nothing of what is typed. */
const readHiddenLine = async (): Promise<string> => {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const line = Promise.withResolvers<string>();
  prompt.once('line', line.resolve);
  // Ctrl-D and Ctrl-C.
  prompt.once('close', () => line.reject(new CliFailure('nothing was entered')));
  prompt.once('SIGINT', () => prompt.close());
  try {
    return await line.promise;
  } finally {
    prompt.close();
  }
};

/** JSON as scripts and people can read it. */
export const json = (value: unknown): string => JSON.stringify(value, null, 2);
