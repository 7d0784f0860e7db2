import { InvalidArgumentError, type Command } from 'commander';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `query` and `bump`: a build file read and changed by programs. */
export function addEdit(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'query')
    .description('print what a Go template makes of a build file: query zip.yaml "{{ .Package.Version }}"')
    .argument('<file>', 'the build file')
    .argument('<template>', 'a template of Go’s text/template, with Go’s names of the fields')
    .action(async (file: string, template: string) => {
      const { runQuery } = await import('./commands/query.ts');
      exit(await runQuery(file, template, terminal));
    });

  subcommand(program, 'bump')
    .description(
      'give a package another version, with the checksums of its sources; the same one raises its epoch',
    )
    .argument('<file>', 'the build file, changed in place')
    .argument('<version>', 'the version')
    .option('--expected-commit <commit>', 'commit of the version’s tag, for its git-checkout', commit)
    .action(async (file: string, version: string, options: { expectedCommit?: string }) => {
      const { runBump } = await import('./commands/bump.ts');
      exit(await runBump(file, version, options, terminal));
    });
}

function commit(value: string): string {
  if (!/^[0-9a-f]{40}$/.test(value)) throw new InvalidArgumentError('40 hexadecimal digits are wanted.');
  return value;
}
