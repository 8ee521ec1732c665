import { Command, CommanderError } from 'commander';
import { addAcls } from './acls.ts';
import { addAudit } from './audit.ts';
import type { CommandContext } from './command-context.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addEngines } from './engines.ts';
import { explainError } from './explain-error.ts';
import { EXIT } from './failure.ts';
import { addPlatforms } from './platforms.ts';
import { addQuarantine } from './quarantine.ts';
import { addRefresh } from './refresh.ts';
import { addSchemas } from './schemas.ts';
import { addState } from './state.ts';
import { addToken } from './token.ts';
import { addTopics } from './topics.ts';

/** Runs one command line and returns its exit code. An error is one line on standard error. */
export const runCli = async (words: readonly string[], context: CommandContext): Promise<number> => {
  try {
    await cliProgram(context).parseAsync(words, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // commander has printed its error already; `--help` ends with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { line, exitCode } = explainError(error);
    context.terminal.note(line);
    return exitCode;
  }
};

/** All commands. Parsing rejects with commander's `CommanderError` for a usage error. */
const cliProgram = (context: CommandContext): Command => {
  const program = new Command('vault')
    .description('administer a vault, or call it as an engine')
    .version(context.version)
    .addHelpText('after', `\n${AFTERWORD}`)
    .exitOverride()
    .configureOutput({
      // A token that was passed as the value of an option must not be repeated.
      writeErr: (text) => context.terminal.note(text.trimEnd().replace(/=[^']*'/g, "=…'")),
    });
  addTopics(program, context);
  addAcls(program, context);
  addSchemas(program, context);
  addState(program, context);
  addRefresh(program, context);
  addEngines(program, context);
  addPlatforms(program, context);
  addToken(program, context);
  addDeadLetters(program, context);
  addAudit(program, context);
  addQuarantine(program, context);
  return program;
};

const AFTERWORD = `The vault is selected by VAULT_KAFKA_BROKERS, VAULT_REGISTRY_URL and further settings. Without any of them, commands
use the vault that npm start runs in this checkout.
Exit codes: 0 success, 1 failure or differences found, 2 usage error, 78 configuration error.`;
