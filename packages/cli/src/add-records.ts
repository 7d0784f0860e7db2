import { type Command, Option } from 'commander';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds what works on builds of the past: `log` and `shell`. */
export function addRecords(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'log')
    .description('print the whole output of a step of an earlier build')
    .argument('[build]', 'id of the build, or its beginning; default: the latest')
    .argument('[step]', 'name of the step, or a part of it; default: the one that failed')
    .option('--list', 'list builds, or the steps of the build that is named')
    .option(
      '--trace',
      'each command of the step with what it printed; the step is run by itself for it, once',
    )
    .addOption(daemon())
    .action(async (build: string | undefined, step: string | undefined, options: Record<string, unknown>) => {
      const { runLog } = await import('./commands/log.ts');
      exit(await runLog(build, step, options, terminal));
    });

  subcommand(program, 'shell')
    .description('open a shell in the state that a step of an earlier build left or found')
    .argument('[build]', 'id of the build, or its beginning; default: the latest')
    .option('--step <name>', 'after this step, or after its failed command; default: the step that failed')
    .addOption(
      new Option('--before <name>', 'as this step found it, with the step’s variables').conflicts('step'),
    )
    .option('-c, --command <text>', 'run this instead, and end with its exit code')
    .option('--root', 'as root instead of the step’s user')
    .addOption(daemon())
    .action(async (build: string | undefined, options: Record<string, unknown>) => {
      const { runShell } = await import('./commands/shell.ts');
      exit(await runShell(build, options, terminal));
    });
}

function daemon(): Option {
  return new Option('--buildkit <address>', 'BuildKit daemon; default: the one of that build').env(
    'BUILDKIT_HOST',
  );
}
