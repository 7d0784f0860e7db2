import { type Command, Option } from 'commander';
import { addEnvironment, addHow, addInputs } from './add-build.ts';
import { list } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `export`. */
export function addExport(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = subcommand(program, 'export')
    .description('export the files of a build as an image, an archive or a folder')
    .argument('<file>', 'the build file')
    .addOption(
      new Option('--to <kind>', 'docker, tarball, registry, or what a plugin adds').makeOptionMandatory(),
    )
    .requiredOption(
      '--ref <ref>',
      'image name for docker and registry, path for tarball; settings behind it: REF,type=tar',
    )
    .addOption(
      new Option('--state <state>', 'the packages alone, or what all steps have left')
        .choices(['environment', 'build'])
        .default('build'),
    );
  command.optionsGroup('What to build:');
  addInputs(command);
  command.option('--empty-workspace', 'start with an empty workspace');
  command.optionsGroup('Environment:');
  addEnvironment(command);
  command
    .addOption(list('--package-append <name>', 'more packages in the environment'))
    .option('--cache-dir <dir>', 'folder that steps see as /var/cache/melange');
  command.optionsGroup('How:');
  addHow(command);
  command.option('--no-cache-mounts', 'give steps no caches that outlive the build');
  command.action(async (file: string, options: Record<string, unknown>) => {
    const { runExport } = await import('./commands/export.ts');
    exit(await runExport(file, options, terminal));
  });
}
