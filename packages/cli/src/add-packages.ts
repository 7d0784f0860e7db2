import { type Command, Option } from 'commander';
import { addLint } from './add-build.ts';
import { list } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds what looks at packages that are there: `lint`, `license-check` and `scan`. */
export function addPackages(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const lint = subcommand(program, 'lint')
    .description(
      'look for what should not be in packages; exit code 1 when a required linter finds something',
    )
    .argument('[apk...]', 'packages, by path or URL')
    .option('--list', 'list the linters, with their levels');
  addLint(lint);
  lint
    .option('--out-dir <dir>', 'where results go', './packages')
    .addOption(list('--plugin <name>', 'plugins to load, after those of melange2.config.*'))
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { runLint } = await import('./commands/lint.ts');
      exit(await runLint(files, options, terminal));
    });

  subcommand(program, 'license-check')
    .description('tell which licences something holds, and where they differ from the declared ones')
    .argument('<file>', 'a folder, a build file or a package')
    .option('--source-dir <dir>', 'sources of the build file; default: its folder')
    .option('--fix', 'correct the copyright list of the build file by what was found')
    .addOption(
      new Option('--format <format>', 'how it is printed').choices(['pretty', 'json']).default('pretty'),
    )
    .action(async (file: string, options: Record<string, unknown>) => {
      const { runLicenseCheck } = await import('./commands/license-check.ts');
      exit(await runLicenseCheck(file, options, terminal));
    });

  subcommand(program, 'scan')
    .description('search built packages for what they need and offer once more, and print their .PKGINFO')
    .argument('<file>', 'the build file of the packages')
    .option('-r, --repository-append <place>', 'folder or URL with the packages', './packages')
    .option('-p, --package <name>', 'only this package')
    .option('--arch <name>', 'architecture; default: this machine’s', '')
    .option('--diff', 'print what differs from the packages; exit code 1 when something does')
    .option('--comments', 'compare comments too')
    .option('--namespace <name>', 'the distribution, in package metadata', 'unknown')
    .addOption(new Option('-k, --keyring-append <key>', 'accepted for compatibility').hideHelp())
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines of your own'))
    .addOption(list('--plugin <name>', 'plugins to load, after those of melange2.config.*'))
    .action(async (file: string, options: Record<string, unknown>) => {
      const { runScan } = await import('./commands/scan.ts');
      exit(await runScan(file, options, terminal));
    });
}
