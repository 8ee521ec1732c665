import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a process says that answers one question and ends. */
type Said<Answer> = { readonly answer: Answer } | { readonly failed: string };

/** Starts `file` of this folder with one argument, a JSON text, and resolves with the one thing that it says. */
export const askProcess = <Answer>(file: string, argument: unknown): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(argument)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--expose-gc'],
    });
    child.once('message', (said: Said<Answer>) =>
      'failed' in said ? reject(new Error(`${file}: ${said.failed}`)) : resolve(said.answer),
    );
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });

/** The whole of such a process. */
export const answerOnce = async <Answer>(work: () => Promise<Answer>): Promise<void> => {
  // Without its parent nobody would end it.
  process.on('disconnect', () => process.exit(0));
  const said = await work().then(
    (answer): Said<Answer> => ({ answer }),
    (error: unknown): Said<Answer> => ({
      failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
  process.send?.(said, () => process.exit(0));
};
