import type { Command } from 'commander';
import { list } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `explain`. */
export function addExplain(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'explain')
    .description('tell what a line of a build file becomes, and where its values are from')
    .argument('<file:line>', 'the build file, and the line in it')
    .option('--arch <name>', 'architecture to compile for; default: this machine’s', '')
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines of your own'))
    .addOption(list('--build-option <name>', 'switch on options of the build file'))
    .addOption(list('--env-file <file>', 'files of KEY=VALUE lines, added to the steps’ environment'))
    .option('--vars-file <file>', 'YAML file of variables, over those of the build file')
    .option('--json', 'as JSON')
    .action(async (place: string, options: Record<string, unknown>) => {
      const { runExplain } = await import('./commands/explain.ts');
      exit(await runExplain(place, options, terminal));
    });
}
