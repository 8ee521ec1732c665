import type { Command } from 'commander';
import { addApply } from './apply-platforms.ts';
import { addCheck } from './check-platforms.ts';
import type { CommandContext } from './command-context.ts';

/** `platforms …`: the platforms, as their profiles have them. */
export const addPlatforms = (program: Command, context: CommandContext): void => {
  const platforms = program.command('platforms').description('the platforms, as their profiles have them');
  addCheck(platforms, context);
  addApply(platforms, context);
};
