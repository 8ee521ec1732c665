import { CommanderError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { explainError } from './explain-error.ts';
import { EXIT } from './failure.ts';
import { cliProgram } from './program.ts';

/** Runs one command line. Answers the exit code; what went wrong is one line on standard error. */
export const runCli = async (words: readonly string[], context: CommandContext): Promise<number> => {
  try {
    await cliProgram(context).parseAsync(words, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // commander has told it already; help that was asked for is no fault.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { line, exitCode } = explainError(error);
    context.terminal.note(line);
    return exitCode;
  }
};
