import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareRepositories, solve, type SolverPackage } from '@melange2/solver';

export interface Conformance {
  /** Rows that agree. */
  readonly equal: number;
  /** Rows whose difference is explained in docs/compat/solver.md. */
  readonly listed: number;
  /** Rows that differ without a reason. */
  readonly failed: string[];
}

interface Answer {
  readonly install?: readonly string[];
  readonly error?: readonly string[];
  readonly unstable?: readonly Answer[];
}

interface Scenario {
  readonly name: string;
  readonly world: readonly string[];
  readonly repos: readonly { readonly tag?: string; readonly packages: readonly SolverPackage[] }[];
  readonly otherArchs?: Readonly<Record<string, readonly SolverPackage[]>>;
  readonly apk?: Answer;
  readonly apko: Answer;
  readonly want: 'apk' | 'apko' | 'both';
}

/** Rows of solver.json and alpine317-worlds.json that differ on purpose: the reasons stand in docs/compat/solver.md. */
const listed = new Set([
  'solver installif1',
  'solver installif2',
  'solver installif3',
  'solver installif13',
  'solver provides7',
  'solver provides9',
  'solver provides10',
  'solver provides11',
  'solver provides12',
  'solver provides14',
  'solver provides16',
  'solver provides22',
  'alpine nginx openrc',
]);

/** Solves every world of the vectors and compares the sets of packages. */
export async function run(vectors: string): Promise<Conformance> {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(vectors, 'apk', name), 'utf8'));
  const rows = [
    ...scenarios(read('solver-extra.json') as Scenario[]),
    ...apkTests(read('solver.json') as ApkTests),
    ...alpineWorlds(read('alpine317-worlds.json') as World[], vectors),
  ];
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  for (const { name, want, got } of rows) {
    if (want.includes(got)) result.equal++;
    else if (listed.has(name)) result.listed++;
    else result.failed.push(`${name}\n  want ${want.join('\n    or ')}\n  got  ${got}`);
  }
  return result;
}

interface Row {
  readonly name: string;
  /** Any of these is right. */
  readonly want: readonly string[];
  readonly got: string;
}

function answer(options: Parameters<typeof solve>[0]): string {
  const { value, diagnostics } = solve(options);
  if (value === undefined) {
    if (diagnostics.length === 0) throw new Error('neither a solution nor a reason');
    return 'error';
  }
  return setOf(value.packages.map((p) => `${p.package.name}-${p.package.version}`));
}

function setOf(packages: readonly string[]): string {
  return packages.toSorted().join(' ');
}

function wanted(answer: Answer | undefined): string {
  const one = answer?.unstable?.[0] ?? answer;
  return one?.install === undefined ? 'error' : setOf(one.install);
}

function scenarios(rows: readonly Scenario[]): Row[] {
  return rows.map((row) => {
    const others = Object.entries(row.otherArchs ?? {});
    return {
      name: `solver-extra ${row.name}`,
      want: [wanted(row.want === 'apk' ? row.apk : row.apko)],
      got: answer({
        world: row.world,
        repositories: prepareRepositories(row.repos),
        otherArchitectures: new Map(
          others.map(([arch, packages]) => [arch, prepareRepositories([{ packages }])]),
        ),
      }),
    };
  });
}

interface ApkTests {
  readonly indexes: Readonly<Record<string, readonly SolverPackage[]>>;
  readonly tests: readonly {
    readonly name: string;
    readonly repos: readonly { readonly tag?: string; readonly index: string }[];
    readonly fresh?: {
      readonly world: readonly string[];
      readonly apk: Answer;
      readonly apko: Answer;
      readonly agree: string;
    };
  }[];
}

function apkTests({ indexes, tests }: ApkTests): Row[] {
  return tests.flatMap(({ name, repos, fresh }) => {
    if (fresh === undefined) return [];
    const repositories = prepareRepositories(
      repos.map(({ tag, index }) => ({
        ...(tag === undefined ? {} : { tag }),
        packages: indexes[index] ?? [],
      })),
    );
    const got = answer({ world: fresh.world, repositories, arch: 'x86_64' });
    return [{ name: `solver ${name}`, want: [wanted(fresh.apk)], got }];
  });
}

interface World {
  readonly world: readonly string[];
  readonly apk: Answer;
  readonly apko: Answer;
}

function alpineWorlds(rows: readonly World[], vectors: string): Row[] {
  const index = join(vectors, 'apk/apko/apk-testdata/alpine-317/APKINDEX.tar.gz');
  const text = execFileSync('tar', ['xzOf', index, 'APKINDEX'], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const repositories = prepareRepositories([{ packages: text.split('\n\n').flatMap(record) }]);
  return rows.map(({ world, apk, apko }) => ({
    name: `alpine ${world.join(' ')}`,
    want: [wanted(apko), wanted(apk)],
    got: answer({ world, repositories, arch: 'aarch64' }),
  }));
}

function record(text: string): SolverPackage[] {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) fields.set(line.slice(0, 1), line.slice(2));
  const name = fields.get('P');
  if (name === undefined) return [];
  const list = (letter: string): string[] => (fields.get(letter) ?? '').split(' ').filter((w) => w !== '');
  return [
    {
      name,
      version: fields.get('V') ?? '',
      arch: fields.get('A'),
      origin: fields.get('o'),
      depends: list('D'),
      provides: list('p'),
      installIf: list('i'),
      providerPriority: Number(fields.get('k') ?? 0),
    },
  ];
}
