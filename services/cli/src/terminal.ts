import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

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
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
    try {
      return await prompt.question('');
    } finally {
      prompt.close();
      process.stderr.write('\n');
    }
  },
};

/** JSON as scripts and people can read it. */
export const json = (value: unknown): string => JSON.stringify(value, null, 2);
