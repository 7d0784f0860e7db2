import { type Command, Option } from 'commander';
import { addEnvironment } from './add-build.ts';
import { duration, list, unused } from './option-values.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';

/** Adds `compile` and `pipelines`. */
export function addCompile(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const compile = subcommand(program, 'compile')
    .description('print what a build file becomes, as one line of JSON, or the graph that BuildKit is given')
    .argument('[file]', 'the build file; default: the one of this folder')
    .option('--arch <name>', 'architecture to compile for; default: this machine’s', '')
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines of your own'))
    .addOption(list('--build-option <name>', 'switch on options of the build file'))
    .addOption(list('--env-file <file>', 'files of KEY=VALUE lines, added to the steps’ environment'))
    .option('--vars-file <file>', 'YAML file of variables, over those of the build file')
    .option('--git-commit <commit>', 'commit of the build file; default: HEAD of its repository')
    .option('--git-repo-url <url>', 'repository of the build file')
    .addOption(
      new Option('--override-host-triplet-libc-substitution-flavor <libc>', 'libc in triplets')
        .choices(['gnu', 'musl'])
        .default('gnu'),
    )
    .option('--cpu <number>', 'print these processors in place of those of the build file')
    .option('--cpumodel <name>', 'the same for the model')
    .option('--memory <amount>', 'the same for the memory')
    .option('--disk <amount>', 'the same for the disk')
    .option('--timeout <duration>', 'the same for the time (90s, 1h30m)', duration)
    .option('--pretty', 'on many lines');
  compile.optionsGroup('The graph:');
  compile.addOption(
    new Option('--llb [form]', 'print the graph of the build, one line an op, or as a picture')
      .choices(['text', 'dot', 'mermaid'])
      .preset('text'),
  );
  addEnvironment(compile);
  compile
    .addOption(
      new Option('--buildkit <address>', 'BuildKit daemon that the graph is made for').env('BUILDKIT_HOST'),
    )
    .addOption(list('--plugin <name>', 'plugins to load, after those of melange2.config.*'))
    .action(async (file: string | undefined, options: Record<string, unknown>) => {
      if (options['llb'] !== undefined) {
        const { runCompileGraph } = await import('./commands/compile-graph.ts');
        exit(await runCompileGraph(file, options, terminal));
        return;
      }
      const { runCompile } = await import('./commands/compile.ts');
      exit(await runCompile(file, options, terminal));
    });

  // What the references' compile takes and does nothing with: nothing is signed or built.
  for (const flags of unusedByCompile) compile.addOption(unused(flags));

  subcommand(program, 'pipelines')
    .description('list pipelines, or tell what one of them does')
    .argument('[name]', 'a pipeline, such as autoconf/make')
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines of your own'))
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: Record<string, unknown>) => {
      const { runPipelines } = await import('./commands/pipelines.ts');
      exit(await runPipelines(name, options, terminal));
    });
}

const unusedByCompile: readonly string[] = [
  ...'build-date cache-dir cache-source dependency-log license lint-require lint-warn log-policy namespace out-dir package-append runner signing-key source-dir trace workspace-dir'
    .split(' ')
    .map((name) => `--${name} <value>`),
  ...'cleanup create-build-log debug debug-runner empty-workspace fail-on-lint-warning generate-index generate-provenance interactive persist-lint-results rm strip-origin-name'
    .split(' ')
    .map((name) => `--${name}`),
];
