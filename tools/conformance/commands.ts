import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { Conformance } from './solver.ts';

interface Answer {
  readonly ok?: boolean;
  readonly out?: string;
  readonly compile?: unknown;
  readonly error?: string;
}

interface CommandRow {
  readonly name: string;
  readonly yaml?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly arch?: string;
  readonly fileArg?: string | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly melange: Answer;
}

interface VersionRow {
  readonly file: string;
  readonly yaml?: string;
  readonly melange: Answer;
}

/** Where the command line differs on purpose; docs/compat/commands.md has the reasons. */
const listed: ReadonlySet<string> = new Set([
  // Vars refer to each other.
  'package-version vars-ref.yaml',
  // What only a build uses is looked at by `build`.
  'env-http-auth-short',
  'env-http-auth-not-basic',
  'env-http-auth-empty',
  'env-source-date-epoch-bad',
  'flag-build-date-bad',
  'flag-signing-key-missing',
  // One file is compiled; a second is a mistake.
  'flag-extra-positional',
  // A flag that only other commands of the references have.
  'flag-override-flavor',
]);

const commit = '8190a1652f4534ad3feebd3b48066514f0f4375f';
const program = join(import.meta.dirname, '../../packages/cli/bin/melange2.js');

/**
 * Runs the built command line as the recorded answers were made: `compile` with flags, environment and ways to name a
 * file, and `package-version`.
 */
export function run(vectors: string): Conformance {
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  if (!existsSync(join(dirname(program), '../dist/bundle/main.js'))) {
    return { ...result, failed: ['the command line is not built: npm run setup'] };
  }
  const folder = join(vectors, 'compile');
  const commands = JSON.parse(readFileSync(join(folder, 'errors.json'), 'utf8')) as readonly CommandRow[];
  const versions = JSON.parse(
    readFileSync(join(folder, 'package-version.json'), 'utf8'),
  ) as readonly VersionRow[];
  const recipes = recipeTexts(folder);
  const note = (name: string, difference: string | undefined): void => {
    if (difference === undefined) result.equal++;
    else if (listed.has(name)) result.listed++;
    else result.failed.push(`${name}: ${difference}`);
  };
  for (const row of commands) {
    if (isAboutCommands(row))
      note(
        row.name,
        inFolder((cwd) => compareCompile(row, cwd)),
      );
  }
  for (const row of versions) {
    const text = row.yaml ?? recipes.get(row.file) ?? '';
    note(
      `package-version ${row.file}`,
      inFolder((cwd) => compareVersion(row, text, cwd)),
    );
  }
  return result;
}

function isAboutCommands({ name, fileArg, env }: CommandRow): boolean {
  if (fileArg !== undefined || env !== undefined) return true;
  return /^(?:resources-flags-override|env-contents-package-flag|flag-(?!vars-file|env-file))/.test(name);
}

function compareCompile(row: CommandRow, cwd: string): string | undefined {
  write(cwd, 'test.yaml', row.yaml ?? '');
  for (const [path, text] of Object.entries(row.files ?? {})) write(cwd, path, text);
  const file = row.fileArg === undefined ? ['test.yaml'] : row.fileArg === null ? [] : [row.fileArg];
  const args = [
    'compile',
    '--arch',
    row.arch ?? 'x86_64',
    '--git-commit',
    commit,
    '--git-repo-url',
    'https://github.com/wolfi-dev/os',
    ...(row.args ?? []),
    ...file,
  ];
  const { code, stdout, stderr } = melange2(args, cwd, row.env);
  if (row.melange.compile === undefined)
    return code === 0 ? `accepted, but: ${row.melange.error}` : undefined;
  if (code !== 0) return `refused, but accepted: ${stderr}`;
  return isDeepStrictEqual(JSON.parse(stdout), row.melange.compile) ? undefined : `another answer: ${stdout}`;
}

function compareVersion({ file, melange }: VersionRow, text: string, cwd: string): string | undefined {
  write(cwd, file, text);
  const { code, stdout } = melange2(['package-version', file], cwd);
  if (melange.out === undefined) return code === 0 ? `accepted, but: ${melange.error}` : undefined;
  return stdout === melange.out ? undefined : `${stdout} and not ${melange.out}`;
}

function recipeTexts(folder: string): ReadonlyMap<string, string> {
  const lines = gunzipSync(readFileSync(join(folder, 'wolfi-shared.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n');
  return new Map(
    lines
      .map((line) => JSON.parse(line) as { file: string; yaml: string })
      .map(({ file, yaml }) => [file, yaml]),
  );
}

function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'melange2-commands-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function melange2(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env },
  });
  return { code: status, stdout, stderr };
}
