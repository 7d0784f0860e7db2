import { type Command, Argument } from 'commander';
import { pluginKinds } from './plugin-kind.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `plugin new`. */
export function addPlugin(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const plugin = subcommand(program, 'plugin').description('make plugins');
  subcommand(plugin, 'new')
    .description('make a working plugin, with its test, in a new folder')
    .addArgument(new Argument('<kind>', 'what it is').choices(pluginKinds))
    .argument('<name>', 'name of its npm package, such as melange2-cache-zig or @acme/melange2-lint')
    .option('--dir <folder>', 'where it goes; default: a folder of its name')
    .action(async (kind: string, name: string, options: { readonly dir?: string }) => {
      const { runPluginNew } = await import('./commands/plugin-new.ts');
      exit(await runPluginNew(kind, name, options, terminal));
    });
}
