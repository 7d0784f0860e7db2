import { buildError } from '@melange2/diagnostics';
import { Command, CommanderError, Help } from 'commander';
import { addBuild, addTest } from './add-build.ts';
import { addCache } from './add-cache.ts';
import { addCheck } from './add-check.ts';
import { addCompile } from './add-compile.ts';
import { addEdit } from './add-edit.ts';
import { addExplain } from './add-explain.ts';
import { addExport } from './add-export.ts';
import { addIndex } from './add-index.ts';
import { addKeys } from './add-keys.ts';
import { addPackages } from './add-packages.ts';
import { addPlugin } from './add-plugin.ts';
import { addRecords } from './add-records.ts';
import { errors } from './errors.ts';
import { exitCodes } from './exit-code.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/** Runs one command line; returns the exit code. Throws what the command throws. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exit: number = exitCodes.done;
  const program = createProgram(terminal, (code) => (exit = code), argv[0]);
  if (argv[0] === 'completion' || argv[0] === 'complete') {
    // Only here: the library takes a few milliseconds that every other command would pay for.
    const { default: addCompletion } = await import('@bomb.sh/tab/commander');
    addCompletion(program, { completionCommandName: 'completion' });
  } else {
    subcommand(program, 'completion')
      .description('print a completion script')
      .argument('<shell>', 'bash, zsh, fish or powershell');
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version also end here; they are printed already.
    if (error.exitCode === 0) return exitCodes.done;
    // No command was named: its list, which is printed, is all there is to say.
    if (error.code === 'commander.help') return exitCodes.usage;
    throw buildError(errors, 'CLI_USAGE', { problem: sentence(error.message) }, { cause: error });
  }
  return exit;
}

/** Takes the exit code of a command that ended without throwing. */
type SetExit = (code: number) => void;

/** Commands by the function that adds them. */
const groups: readonly {
  readonly commands: readonly string[];
  readonly add: (program: Command, terminal: Terminal, exit: SetExit) => void;
}[] = [
  { commands: ['build'], add: addBuild },
  { commands: ['test'], add: addTest },
  { commands: ['export'], add: addExport },
  { commands: ['check', 'package-version'], add: addCheck },
  { commands: ['log', 'shell'], add: addRecords },
  { commands: ['compile', 'pipelines'], add: addCompile },
  { commands: ['explain'], add: addExplain },
  { commands: ['query', 'bump'], add: addEdit },
  { commands: ['keygen', 'sign', 'sign-index'], add: addKeys },
  { commands: ['index'], add: addIndex },
  { commands: ['cache'], add: addCache },
  { commands: ['lint', 'license-check', 'scan'], add: addPackages },
  { commands: ['plugin'], add: addPlugin },
  { commands: ['version'], add: addVersion },
];

/**
 * The command line: each command's options, and the module that runs it, loaded when it is used.
 *
 * With `only`, the name of a command, there are just those added together with it: a command need not wait for the
 * options of all others.
 */
function createProgram(terminal: Terminal, exit: SetExit, only: string | undefined): Command {
  const program = new Command('melange2')
    .description('Builds apk packages from YAML build files, with BuildKit.')
    .version(`melange2 ${version}`, '-V, --version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: terminal.stdout,
      writeErr: terminal.stderr,
      // The error is reported once, by `reportError`.
      outputError: () => {},
    });

  const one = groups.filter(({ commands }) => only !== undefined && commands.includes(only));
  program.configureHelp({
    // That a list is empty when nothing is given goes without saying.
    optionDescription: (option) =>
      Help.prototype.optionDescription.call(new Help(), option).replace(/ \(default: none\)$/, ''),
  });
  for (const { add } of one.length > 0 ? one : groups) add(program, terminal, exit);
  return program;
}

function addVersion(program: Command, terminal: Terminal): void {
  subcommand(program, 'version')
    .description('print the version and what it runs on')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { runVersion } = await import('./commands/version.ts');
      runVersion(options, terminal);
    });
}

function sentence(text: string): string {
  const clean = text
    .replace(/^error:\s*/, '')
    .replaceAll('\n', ' ')
    .trim();
  const first = clean.charAt(0).toUpperCase() + clean.slice(1);
  return /[.!?)]$/.test(first) ? first : `${first}.`;
}
