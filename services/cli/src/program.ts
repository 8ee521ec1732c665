import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addEngines } from './engines.ts';
import { addPlatforms } from './platforms.ts';
import { addQuarantine } from './quarantine.ts';
import { addRefresh } from './refresh.ts';
import { addSchemas } from './schemas.ts';
import { addState } from './state.ts';
import { addToken } from './token.ts';
import { addTopics } from './topics.ts';

/** Every command. Rejects with commander's `CommanderError` for what was typed wrongly. */
export const cliProgram = (context: CommandContext): Command => {
  const program = new Command('vault')
    .description('administers a vault, and speaks with it as an engine')
    .addHelpText('after', `\n${AFTERWORD}`)
    .exitOverride()
    .configureOutput({
      // A token that was given as an option's value is not repeated.
      writeErr: (text) => context.terminal.note(text.trimEnd().replace(/=[^']*'/g, "=…'")),
    });
  addTopics(program, context);
  addSchemas(program, context);
  addState(program, context);
  addRefresh(program, context);
  addEngines(program, context);
  addPlatforms(program, context);
  addToken(program, context);
  addDeadLetters(program, context);
  addQuarantine(program, context);
  return program;
};

const AFTERWORD = `Which vault: VAULT_KAFKA_BROKERS, VAULT_REGISTRY_URL and further settings; where none is set, the one that npm start
runs here. Exit codes: 0 done, 1 failed or different, 2 typed wrongly, 78 configured wrongly.`;
