import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { builtinCatalogue } from '../builtin-catalogue.ts';

interface Step {
  readonly uses?: string;
  readonly runs?: string;
  readonly 'working-directory'?: string;
}

interface Definition {
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown }>>;
  readonly pipeline: readonly Step[];
}

/** What the steps of a pipeline did. */
export interface BuiltInRun {
  readonly code: number;
  readonly output: string;
}

/** A folder that stands for the workspace of a build, on this machine: `home` is /home/build. */
export interface Workbench {
  readonly home: string;
  readonly cache: string;
  /** Writes files by path below `home`; folders as needed. */
  write(files: Readonly<Record<string, string>>): void;
  /** Makes a program on PATH that prints its name and arguments, and then runs `script`. */
  stub(name: string, script?: string): void;
  /** Makes a program on PATH that runs `script`. */
  program(name: string, script: string): void;
  /** All paths below a folder of `home`, sorted. */
  list(folder: string): string[];
  read(path: string): string;
  run(
    uses: string,
    inputs?: Readonly<Record<string, string>>,
    options?: { readonly context?: string },
  ): BuiltInRun;
  /** Runs a shell text, for preparing; throws if it fails. */
  sh(script: string): string;
  remove(): void;
}

/**
 * Makes a workbench whose steps are run by `shell`. It does what plan and lowering do in a build, in the plainest
 * way, so that scripts can be tried against real tools without a daemon. The main package is `app`.
 */
export function workbench(shell: string): Workbench {
  const root = mkdtempSync(join(tmpdir(), 'workbench-'));
  const home = join(root, 'home');
  const cache = join(root, 'cache');
  const bin = join(root, 'bin');
  for (const folder of [join(home, 'melange-out/app'), cache, bin]) mkdirSync(folder, { recursive: true });
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    SOURCE_DATE_EPOCH: '1700000000',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const runScript = (script: string, cwd: string): BuiltInRun => {
    const local = script.replaceAll('/home/build', home).replaceAll('/var/cache/melange', cache);
    const args = ['-e', '-c', `${local}\nexit 0\n`];
    const { status, stdout, stderr, error } = spawnSync(shell, args, {
      cwd,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (error !== undefined) throw error;
    return { code: status ?? -1, output: (stdout + stderr).replaceAll(root, '') };
  };
  const bench: Workbench = {
    home,
    cache,
    write: (files) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(home, path)), { recursive: true });
        writeFileSync(join(home, path), text);
      }
    },
    stub: (name, script = '') => {
      const text = `#!/bin/sh\nprintf '%s' ${name}\nfor a in "$@"; do printf ' [%s]' "$a"; done\necho\n${script}\n`;
      writeFileSync(join(bin, name), text, { mode: 0o755 });
    },
    program: (name, script) => writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 }),
    list: (folder) =>
      existsSync(join(home, folder))
        ? readdirSync(join(home, folder), { recursive: true, withFileTypes: true })
            .filter((e) => !e.isDirectory())
            .map((e) => join(e.parentPath, e.name).slice(join(home, folder).length + 1))
            .toSorted()
        : [],
    read: (path) => readFileSync(join(home, path), 'utf8'),
    run: (uses, inputs = {}, { context = 'app' } = {}) => {
      const table = {
        'package.name': 'app',
        'package.version': '1.0',
        'context.name': context,
        'targets.outdir': '/home/build/melange-out',
        'targets.destdir': '/home/build/melange-out/app',
        'targets.contextdir': `/home/build/melange-out/${context}`,
        'host.triplet.gnu': 'x86_64-pc-linux-gnu',
        'build.arch': 'x86_64',
      };
      mkdirSync(join(home, 'melange-out', context), { recursive: true });
      return runDefinition(uses, inputs, table, (script, folder) =>
        runScript(script, folder.replaceAll('/home/build', home)),
      );
    },
    sh: (script) => {
      const { code, output } = runScript(script, home);
      if (code !== 0) throw new Error(`${script}\n${output}`);
      return output;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  return bench;
}

function runDefinition(
  uses: string,
  given: Readonly<Record<string, string>>,
  base: Readonly<Record<string, string>>,
  run: (script: string, cwd: string) => BuiltInRun,
): BuiltInRun {
  const definition = parse(builtinCatalogue.resolve(uses)!.text) as Definition;
  const unknown = Object.keys(given).filter((name) => !(name in (definition.inputs ?? {})));
  if (unknown.length > 0) throw new Error(`${uses} has no input ${unknown.join(', ')}`);
  const fill = (text: string, table: Readonly<Record<string, string>>): string =>
    text.replaceAll(/\$\{\{([^}]*)\}\}/g, (_, name: string) => {
      const value = table[name];
      if (value === undefined) throw new Error(`${uses}: ${name} is not defined`);
      return value;
    });
  const table: Record<string, string> = { ...base };
  for (const [name, input] of Object.entries(definition.inputs ?? {})) {
    table[`inputs.${name}`] = given[name] ?? fill(text(input.default), base);
  }
  let output = '';
  for (const step of definition.pipeline) {
    const ran =
      step.uses === undefined
        ? run(fill(step.runs ?? '', table), fill(step['working-directory'] ?? '/home/build', table))
        : runDefinition(step.uses, {}, base, run);
    output += ran.output;
    if (ran.code !== 0) return { code: ran.code, output };
  }
  return { code: 0, output };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** Whether all of these programs are on this machine; says which is not, for a test that is skipped has to say why. */
export function has(...programs: readonly string[]): boolean {
  const missing = programs.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  if (missing !== undefined) process.stderr.write(`skipped: there is no ${missing} on this machine\n`);
  return missing === undefined;
}
