import { buildError } from '@melange2/diagnostics';
import { Command, CommanderError } from 'commander';
import { addBuild, addTest } from './add-build.ts';
import { addCache } from './add-cache.ts';
import { addCheck } from './add-check.ts';
import { addCompile } from './add-compile.ts';
import { addIndex } from './add-index.ts';
import { addKeys } from './add-keys.ts';
import { addRecords } from './add-records.ts';
import { errors } from './errors.ts';
import { exitCodes } from './exit-code.ts';
import { subcommand } from './subcommand.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/** Runs one command line; returns the exit code. Throws what the command throws. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exit: number = exitCodes.done;
  const program = createProgram(terminal, (code) => (exit = code));
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
    throw buildError(errors, 'CLI_USAGE', { problem: sentence(error.message) }, { cause: error });
  }
  return exit;
}

/** Takes the exit code of a command that ended without throwing. */
type SetExit = (code: number) => void;

/** The whole command line: each command's options, and the module that runs it, loaded when it is used. */
export function createProgram(terminal: Terminal, exit: SetExit): Command {
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

  addBuild(program, terminal, exit);
  addTest(program, terminal, exit);
  addCheck(program, terminal, exit);
  addRecords(program, terminal, exit);
  addCompile(program, terminal, exit);
  addKeys(program, terminal, exit);
  addIndex(program, terminal, exit);
  addCache(program, terminal, exit);

  subcommand(program, 'version')
    .description('print the version and what it runs on')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { runVersion } = await import('./commands/version.ts');
      runVersion(options, terminal);
    });

  return program;
}

function sentence(text: string): string {
  const clean = text
    .replace(/^error:\s*/, '')
    .replaceAll('\n', ' ')
    .trim();
  const first = clean.charAt(0).toUpperCase() + clean.slice(1);
  return /[.!?)]$/.test(first) ? first : `${first}.`;
}
