import { type Command, Option } from 'commander';
import { list } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `check` and `package-version`. */
export function addCheck(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'check')
    .description('tell all that is wrong with build files; exit code 2 when there are errors')
    .argument('<file...>', 'build files')
    .addOption(
      new Option('--format <format>', 'how problems are printed')
        .choices(['pretty', 'json', 'github', 'sarif'])
        .default('pretty'),
    )
    .addOption(list('--arch <name>', 'architectures to check for, or "all"; default: this machine’s'))
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines of your own'))
    .addOption(list('--build-option <name>', 'switch on options of the build file'))
    .addOption(list('--env-file <file>', 'files of KEY=VALUE lines'))
    .option('--vars-file <file>', 'YAML file of variables, over those of the build file')
    .option('--strict', 'take warnings for errors')
    .addOption(list('--plugin <name>', 'plugins to load, after those of melange2.config.*'))
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { runCheck } = await import('./commands/check.ts');
      exit(await runCheck(files, options, terminal));
    });

  subcommand(program, 'package-version')
    .description('print name-version-rEPOCH of a build file')
    .argument('<file>', 'the build file')
    .action(async (file: string) => {
      const { runPackageVersion } = await import('./commands/package-version.ts');
      exit(await runPackageVersion(file, terminal));
    });
}
