import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';
import { subcommand } from './subcommand.ts';

/** Adds `index`. */
export function addIndex(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'index')
    .description('make an index of packages')
    .argument('<apk...>', 'packages')
    .option('-o, --output <file>', 'where the index goes', 'APKINDEX.tar.gz')
    .option('-s, --source <file>', 'index to merge into', 'APKINDEX.tar.gz')
    .option('-a, --arch <name>', 'take packages of this architecture only')
    .option('-m, --merge', 'keep what the source index has')
    .option('--signing-key <file>', 'sign the index with this key')
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { runIndex } = await import('./commands/index-packages.ts');
      exit(await runIndex(files, options, terminal));
    });
}
