import { progressModes } from '@melange2/progress';
import { type Command, Option } from 'commander';
import { subcommand } from './subcommand.ts';
import { duration, list, network, optionalList, perStep } from './option-values.ts';
import type { Terminal } from './terminal.ts';

type SetExit = (code: number) => void;

/** Adds `build`. */
export function addBuild(program: Command, terminal: Terminal, exit: SetExit): void {
  const build = subcommand(program, 'build')
    .description('build the packages of one build file')
    .argument(
      '[file]',
      'the build file; without it .melange.yaml, .melange.yml, melange.yaml or melange.yml',
    );
  build.optionsGroup('What to build:');
  addInputs(build);
  build.option('--empty-workspace', 'start with an empty workspace');
  build.optionsGroup('Environment:');
  addEnvironment(build);
  build
    .addOption(list('--package-append <name>', 'more packages in the environment'))
    .option(
      '--cache-dir <dir>',
      'folder that steps see as /var/cache/melange, with sources by checksum; what they leave there is written back; default: ./melange-cache if it is here',
    );
  build.optionsGroup('What comes out:');
  build
    .option('--out-dir <dir>', 'where packages go', './packages')
    .option(
      '--signing-key <file>',
      'key that packages and index are signed with; default: melange.rsa if it is here',
    )
    .option('--no-generate-index', 'leave APKINDEX.tar.gz alone')
    .option('--namespace <name>', 'the distribution, in package metadata', 'unknown')
    .option('--strip-origin-name', 'let each package be its own origin')
    .option('--create-build-log', 'write packages.log')
    .option('--dependency-log <file>', 'write found dependencies to FILE.<arch>')
    .option('--generate-provenance', 'write how each package was made beside it (SLSA)')
    .option('--git-commit <commit>', 'commit of the build file; default: HEAD of its repository')
    .option('--git-repo-url <url>', 'repository of the build file')
    .option('--license <expression>', 'license of the build file itself', 'NOASSERTION')
    .option('--build-date <time>', 'date of the packages (RFC 3339); default: SOURCE_DATE_EPOCH');
  build.optionsGroup('Checks of packages:');
  addLint(build);
  build.optionsGroup('How:');
  addHow(build);
  build
    .option('--no-cache-mounts', 'give steps no caches that outlive the build')
    .addOption(
      single('--cache-mount <id=path>', 'a folder of the steps that outlives the build: ID=/path[,locked]'),
    )
    .addOption(single('--cache-from <spec>', 'cache to take results from: type=registry,ref=…'))
    .addOption(single('--cache-to <spec>', 'cache to write results to: type=local,dest=…,mode=max'));
  build.optionsGroup('When a step fails:');
  build
    .addOption(
      new Option('--on-failure <action>', 'what to do in the state that the failed step left').choices([
        'ask',
        'shell',
        'none',
      ]),
    )
    .option('-i, --interactive', 'the same as --on-failure=shell')
    .option('--export-on-failure <kind>', 'export that state: docker, tarball, registry or none', 'none')
    .option(
      '--export-ref <ref>',
      'image name for docker and registry, path for tarball; settings behind it: REF,type=tar',
    );
  build.action(async (file: string | undefined, options: Record<string, unknown>) => {
    const { runBuild } = await import('./commands/build.ts');
    exit(await runBuild(file, options, terminal));
  });
}

/** Adds `test`. */
export function addTest(program: Command, terminal: Terminal, exit: SetExit): void {
  const test = subcommand(program, 'test')
    .description('run the tests of a build file on its packages')
    .argument('<file>', 'the build file')
    .argument(
      '[package]',
      'what is installed for the main package, such as zip=3.0-r1; default: the package itself',
    );
  test.optionsGroup('What to test:');
  addInputs(test);
  test.optionsGroup('Environment:');
  addEnvironment(test);
  test.addOption(list('--test-package-append <name>', 'more packages in the environments of the tests'));
  test.optionsGroup('How:');
  addHow(test);
  test.action(async (file: string, name: string | undefined, options: Record<string, unknown>) => {
    const { runTest } = await import('./commands/build.ts');
    exit(await runTest(file, name, options, terminal));
  });
}

/** An option that may be given several times, each with one value, which may hold commas. */
function single(flags: string, text: string): Option {
  return new Option(flags, `${text}; may be repeated`)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([] as readonly string[], 'none');
}

/** Adds what chooses linters. */
export function addLint(command: Command): void {
  command
    .addOption(
      optionalList('--lint-require <name>', 'linters whose findings are errors; default: see lint --list'),
    )
    .addOption(
      optionalList('--lint-warn <name>', 'linters whose findings are told; default: see lint --list'),
    )
    .option('--persist-lint-results', 'write findings to lint-PACKAGE-VERSION.json beside the packages')
    .addOption(
      new Option('--fail-on-lint-warning', 'accepted for compatibility; see --lint-require').hideHelp(),
    );
}

/** Adds the options of a command that builds: what is built. */
export function addInputs(command: Command): void {
  command
    .addOption(list('--arch <name>', 'architectures, or "all"; default: this machine’s'))
    .addOption(list('--build-option <name>', 'switch on options of the build file'))
    .option(
      '--source-dir <dir>',
      'folder whose files are put into the workspace; default: the folder of the package’s name beside the build file, else the build file’s own',
    )
    .addOption(list('--env-file <file>', 'files of KEY=VALUE lines, added to the steps’ environment'))
    .option('--vars-file <file>', 'YAML file of variables that override those of the build file')
    .addOption(list('--pipeline-dir <dir>', 'folders with pipelines, before the built-in ones'))
    .addOption(list('--pipeline-dirs <dir>', 'the same').hideHelp())
    .addOption(
      new Option('--override-host-triplet-libc-substitution-flavor <libc>', 'libc in ${{host.triplet.*}}')
        .choices(['gnu', 'musl'])
        .default('gnu'),
    );
}

/** Adds the options of a command that builds: in which environment. */
export function addEnvironment(command: Command): void {
  command
    .addOption(list('-r, --repository-append <url>', 'more apk repositories'))
    .addOption(list('-k, --keyring-append <key>', 'more keys that repositories may be signed with'))
    .option('--ignore-signatures', 'take repository indexes without checking their signatures')
    .option('--apk-cache-dir <dir>', 'where downloaded packages are kept');
}

/** Adds the options of a command that builds: how. */
export function addHow(command: Command): void {
  command
    .addOption(
      new Option(
        '--buildkit <address>',
        'BuildKit daemon: unix://…, tcp://…, docker+unix://…; default: one is looked for',
      ).env('BUILDKIT_HOST'),
    )
    .addOption(new Option('--buildkit-addr <address>', 'the same').hideHelp())
    .addOption(
      perStep('--network <mode>', 'network of the steps: default (the daemon’s way), none or host', network),
    )
    .addOption(
      new Option(
        '--allow <right>',
        'what steps may have that a container has not: all capabilities, where the build file adds some',
      ).choices(['security.insecure']),
    )
    .addOption(
      new Option('--progress <mode>', 'how progress is shown')
        .choices(progressModes)
        .default('auto')
        .env('MELANGE2_PROGRESS'),
    )
    .option(
      '--debug',
      'show each command of the step that fails, or of all steps: in a run of its own, so nothing is built again',
    )
    .option('--timeout <duration>', 'give up after this time (90s, 1h30m)', duration)
    .addOption(perStep('--step-timeout <duration>', 'stop a step that runs longer', duration))
    .option('--cpu <number>', 'processors that a step may use (4, 500m), where the daemon can limit it')
    .option('--memory <amount>', 'memory that a step may use (4Gi), where the daemon can limit it')
    .option('--trace <file>', 'write how long each stage took, as JSON lines')
    .option('--log-level <level>', 'accepted for compatibility; see --progress', 'info')
    .addOption(list('--plugin <name>', 'plugins to load, after those of melange2.config.*'));
}
