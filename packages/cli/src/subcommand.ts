import type { Command } from 'commander';

/** Adds a command that fails by throwing, as the program does. */
export function subcommand(program: Command, nameAndArguments: string): Command {
  return program.command(nameAndArguments).exitOverride().showSuggestionAfterError(true);
}
