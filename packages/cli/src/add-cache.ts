import { type Command, Option } from 'commander';
import { list } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

type SetExit = (code: number) => void;

/** Adds `cache` with its commands. */
export function addCache(program: Command, terminal: Terminal, exit: SetExit): void {
  const cache = subcommand(program, 'cache').description('the caches that steps keep on a daemon');
  const command = (nameAndArguments: string, description: string): Command =>
    subcommand(cache, nameAndArguments)
      .description(description)
      .addOption(
        new Option('--buildkit <address>', 'BuildKit daemon; default: one is looked for').env(
          'BUILDKIT_HOST',
        ),
      );

  command('ls', 'list the cache mounts of a daemon')
    .option('--all', 'those of other programs too')
    .option('--json', 'as JSON')
    .action(async (options: Record<string, unknown>) => {
      const { runCacheList } = await import('./commands/cache.ts');
      exit(await runCacheList(options, terminal));
    });
  command('du', 'tell how much room each cache takes')
    .option('--json', 'as JSON')
    .action(async (options: Record<string, unknown>) => {
      const { runCacheUsage } = await import('./commands/cache.ts');
      exit(await runCacheUsage(options, terminal));
    });
  command('rm', 'remove cache mounts')
    .argument('[name...]', 'names such as go-build, for all users and architectures; or whole ids')
    .option('--all', 'all mounts that melange2 made')
    .action(async (names: string[], options: Record<string, unknown>) => {
      const { runCacheRemove } = await import('./commands/cache.ts');
      exit(await runCacheRemove(names, options, terminal));
    });
  addTools(
    command('export', 'write the files of a cache mount as a tar')
      .argument('<name>', 'its name or whole id')
      .argument('<file>', 'the archive; compressed when it ends with .gz or .tgz'),
  ).action(async (name: string, file: string, options: Record<string, unknown>) => {
    const { runCacheExport } = await import('./commands/cache.ts');
    exit(await runCacheExport(name, file, options, terminal));
  });
  addTools(
    command('import', 'put the files of an archive into a cache mount')
      .argument('<file>', 'an archive that export made, or any tar')
      .option('--as <id>', 'id of the mount; default: that of the mount that was exported'),
  ).action(async (file: string, options: Record<string, unknown>) => {
    const { runCacheImport } = await import('./commands/cache.ts');
    exit(await runCacheImport(file, options, terminal));
  });
}

/** Options for where a shell and tar come from, which read and write the mount on the daemon's side. */
function addTools(command: Command): Command {
  return command
    .addOption(list('-r, --repository-append <url>', 'apk repositories that have a shell and tar'))
    .addOption(list('-k, --keyring-append <key>', 'keys that they are signed with'))
    .addOption(list('--package <name>', 'packages with /bin/sh and tar; default: busybox'))
    .option('--ignore-signatures', 'take repository indexes without checking their signatures')
    .option('--apk-cache-dir <dir>', 'where downloaded packages are kept')
    .option('--arch <name>', 'architecture of the packages; default: this machine’s');
}
