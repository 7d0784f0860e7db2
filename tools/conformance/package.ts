import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  bytesSource,
  decodePath,
  formatIndex,
  indexRecordOf,
  mergeRecords,
  openPackage,
  packageData,
  packageEntries,
  packageTree,
  parseIndex,
  parseSigningKey,
  readIndex,
  signPackage,
  signatureMember,
  tarHeader,
  writeIndex,
  CHECKSUM_RECORD,
  XATTR_PREFIX,
  type ApkPackage,
  type IndexRecord,
  type TarHeader,
} from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import {
  analysePackage,
  emitPackage,
  formatCapabilities,
  libraryVersions,
  parseCapabilities,
  parseOwnerNames,
  receiveTrees,
  withoutProvided,
  type PackageArtifact,
  type PackageRecipe,
} from '@melange2/packager';
import {
  analyse,
  isHostLibrary,
  isInDirectories,
  libraryVersionOf,
  parsePkgConfig,
  parseShebang,
} from '@melange2/sca';
import {
  apkPurl,
  describePackage,
  formatCpe,
  formatSpdx,
  organisation,
  sanitise,
  sourcePackage,
  spdxLicense,
  type SourceStep,
  type SpdxDocument,
} from '@melange2/sbom';
import {
  decodeLicense,
  detectLicenses,
  licenseFileWeight,
  spdxCorpus,
  sureConfidence,
} from '@melange2/license';
import { humanSize, linters, lintPackage, type LintSubject } from '@melange2/lint';
import { parse } from 'yaml';
import type { Conformance } from './solver.ts';

/** Rows that differ on purpose, by the section of docs/compat/package.md that says why. */
const listed: ReadonlySet<string> = new Set([
  // What apk cannot take is left out
  'odd-names odd-names provides',
  'odd-names APKINDEX',
  'shebang-nul shebang-nul depends',
  'shebang-nul APKINDEX',
  'elf-needed-at elf-needed-at depends',
  'elf-needed-at APKINDEX',
  'elf-needed-space elf-needed-space depends',
  'elf-needed-space APKINDEX',
  'deps-pinned deps-pinned is packaged',
  'deps-pinned APKINDEX',
  // Descriptions of several lines
  'desc-multiline desc-multiline .PKGINFO',
  'desc-multiline APKINDEX',
  // Names that are not UTF-8
  'nonutf8-dir nonutf8-dir installed size',
  // Attributes of the machine that builds
  'xattrs xattrs data',
  // Capabilities
  'setcap setcap-sub data',
  'everything everything data',
  'setcap cap_net_raw -ep',
  'setcap cap_net_raw ',
  'setcap cap_net_raw xyz',
  'setcap cap_chown +ep',
  'setcap CAP_NET_RAW +ep',
  'setcap cap_net_raw, cap_net_admin +ep',
  // Times before 1970
  'sde-negative sde-negative .PKGINFO',
  'sde-negative sde-negative control',
  'sde-negative sde-negative data',
  'sde-negative APKINDEX',
  // The SBOM in the tree
  'sbom-present sbom-present data',
  'sbom-dir-symlink sbom-dir-symlink installed size',
  'sbom-dir-symlink sbom-dir-symlink data',
  // The text of the SBOM
  'sde-negative sde-negative SBOM',
  'build-date build-date SBOM',
  'sbom-fetch sbom-fetch SBOM',
  'sbom-fetch sbom-fetch-sub SBOM',
  'sbom-config sbom-config SBOM',
  'sbom-unknown-repo sbom-unknown-repo SBOM',
  'apkPurl {"Distro":"","Arch":"x86_64","Name":"foo","Version":"1"}',
  'upstream git-checkout https://github.com/org/repo/',
  'upstream git-checkout https://user:tok@github.com/a/b',
  'upstream git-checkout ssh://git@github.com/a/b.git',
  'upstream git-checkout git@github.com:a/b.git',
  // Versions of libraries
  'so-ver so-ver depends',
  'so-ver so-ver-libs depends',
  'libver "libfoo.so."',
  'libver "libfoo.so..1"',
  'libver "libfoo.so.1."',
  'libver "libfoo.so.\u0663"',
  'selfProvided {"Runtime":["so-ver:x.so.1>=1.2","so-ver:y.so.1>=2"],"Provides":["so-ver:x.so.1=1.2"]}',
  // Scripts
  'shebang #!/usr/bin/env -S A=1 perl',
  'shebang #!/bin/env ruby',
  'shebang #!/usr/local/bin/env lua',
  'shebang #!/usr/bin/env -S',
  ...['#!/ccc', '#!/d/d', '#!    ', '#!yyyy'].map((start) => `shebang a line of 78 bytes and more: ${start}`),
  // pkg-config files
  'pkgconfig "Name: n\\nDescription: d\\nVersion: 1\\nRequires: a\\\\\\n b\\n"',
  'pkgconfig "Name: n\\nDescription: d\\nVersion: 1\\nRequires: a >=\\n"',
  'pkgconfig "Name: n\\nDescription: d\\nVersion: 1\\nRequires: >= 1\\n"',
  'pkgconfig "\ufeffName: n\\nDescription: d\\nVersion: 1\\nRequires: b\\n"',
  'pkgconfig "Requires: b\\n"',
  // Linters
  'elf-kinds elf-kinds lint strip',
  'elf-kinds-aarch64 elf-kinds-aarch64 lint strip',
  'elf-private-libs elf-private-libs lint python/multiple',
  'python-lint python-lint lint python/multiple',
  'lint-usrmerge lint-usrmerge-skip lint usrmerge',
  'lint-usrmerge lint-usrmerge-skip2 lint usrmerge',
  'lint-arch lint-arch lint binaryarch',
  'lint-names lint-names lint unsupportedarch',
  'lint-names lint-names-os lint nonlinux',
  'lint-files lint-files lint infodir',
  'lint-strip lint-strip lint strip',
  'lint-strip lint-strip-bad lint strip',
  'lint-paths pkg infodir',
  'lint-paths pkg unsupportedarch',
  // Licences
  'license debian--GFDL',
  'license debian--GFDL-1.2',
  'license debdoc--bc',
  'license debdoc--bzip2-doc',
  'license debdoc--coreutils',
  'license debdoc--cpp-aarch64-linux-gnu',
  'license debdoc--file',
  'license debdoc--fonts-dejavu-core',
  'license debdoc--googletest',
  'license debdoc--heaptrack',
  'license debdoc--less',
  'license debdoc--libavahi-client3',
  'license debdoc--libcups2',
  'license debdoc--libduktape207',
  'license corpus--CC-BY-NC-SA-4.0',
  'license corpus--GPL-2.0-with-classpath-exception',
  'license corpus--PostgreSQL',
  'license corpus--Python-2.0',
  'license made--gpl2-no-appendix',
  // Directories
  'inDir {"Path":"usr/lib//a","Dirs":["usr/lib"]}',
  // The index
  'ruby3.2-base64-0.2.0-r2.apk APKINDEX',
  'index many APKINDEX',
  'index multiline-description APKINDEX',
  'index pkginfo-repeat-name APKINDEX',
  'index pkginfo-section APKINDEX',
  'index merge-all-letters APKINDEX',
  'index arch-noarch APKINDEX',
  'index testdata APKINDEX',
  // Keys
  'sign key-pkcs8 member',
  'sign key-1024 is refused',
  'sign apk-no-datahash is refused',
]);

interface Entry {
  readonly name: string;
  readonly nameB64?: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly size?: number;
  readonly mtime: number;
  readonly linkname?: string;
  readonly linknameB64?: string;
  readonly dev?: readonly [number, number];
  readonly sha1?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

interface PackageAnswer {
  readonly pkginfo: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  readonly vendored: readonly string[];
  readonly installedSize: { readonly observed: number };
  readonly scripts: Readonly<Record<string, string>>;
  readonly control: { readonly entries: readonly Entry[] };
  readonly data: {
    readonly tarSHA256: string;
    readonly tarLength: number;
    readonly entries: readonly Entry[];
  };
  readonly sbom?: unknown;
  readonly lint?: LintAnswer;
}

type LintAnswer = Readonly<Record<string, readonly { readonly details?: unknown }[]>>;

interface Answer {
  readonly error?: string;
  readonly order?: readonly string[];
  readonly packages: Readonly<Record<string, PackageAnswer>>;
  readonly apkindex?: string;
}

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly arch: string;
  readonly tree: string;
  readonly namespace?: string;
  readonly buildDate?: string;
  readonly sourceDateEpoch?: string | null;
  readonly stripOriginName?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly guest: string;
  readonly lockedEnvironment: { readonly contents: { readonly packages: readonly string[] } };
  readonly configFile: {
    readonly path: string;
    readonly repositoryURL: string;
    readonly commit: string;
    readonly license: string;
  };
  readonly expect: Answer;
  readonly right?: Partial<Omit<Answer, 'packages'>> & {
    readonly packages?: Readonly<Record<string, Partial<PackageAnswer>>>;
  };
}

interface Cases {
  readonly guests: Readonly<Record<string, { readonly passwd: string; readonly group: string }>>;
  readonly guestIndex: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}

type Compare = (name: string, got: unknown, want: unknown) => void;

/** Packages every tree of the vectors and compares descriptions, archives, indexes and signatures. */
export async function run(vectors: string): Promise<Conformance> {
  const root = join(vectors, 'package');
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const compare: Compare = (name, got, want) => {
    if (JSON.stringify(got) === JSON.stringify(want)) result.equal++;
    else if (listed.has(name)) result.listed++;
    else result.failed.push(`${name}\n${difference(got, want)}`);
  };
  const cases = read('cases.json') as Cases;
  for (const one of cases.cases)
    if (one.expect.error === undefined || one.right?.packages !== undefined)
      await build(one, cases, root, compare);
  await givenPackages(read('apks.json') as GivenPackages, root, compare);
  await indexes(read('index.json') as IndexCase[], root, compare);
  await signatures(read('sign.json') as SignCase[], root, compare);
  units(read('units.json') as Units, compare);
  await lintPaths(read('lint-paths.json') as LintPaths, compare);
  await licenses(read('licenses.json') as LicenseTexts, root, compare);
  return result;
}

function difference(got: unknown, want: unknown): string {
  if (Array.isArray(got) && Array.isArray(want)) {
    const [a, b] = [got.map((x) => JSON.stringify(x)), want.map((x) => JSON.stringify(x))];
    const missing = b.filter((x) => !a.includes(x));
    const more = a.filter((x) => !b.includes(x));
    return `  missing ${missing.slice(0, 5).join(' ')}\n  more    ${more.slice(0, 5).join(' ')}`;
  }
  return `  want ${JSON.stringify(want)?.slice(0, 800)}\n  got  ${JSON.stringify(got)?.slice(0, 800)}`;
}

async function build(one: Case, cases: Cases, root: string, compare: Compare): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'conformance-'));
  const guest = cases.guests[one.guest];
  const recipes = recipesOf(one).filter((r) =>
    (one.right?.order ?? one.expect.order ?? [r.name]).includes(r.name),
  );
  const order = recipes.map((r) => r.name);
  const received = await receiveTrees([gunzipSync(readFileSync(join(root, one.tree)))], {
    packages: order,
    prefix: 'melange-out',
    spoolDir: dir,
    ...(guest === undefined ? {} : { owners: parseOwnerNames(guest.passwd, guest.group) }),
  });
  try {
    const libraryVersion =
      one.env?.['MELANGE_VERSIONED_SHLIB_DEPENDS'] === undefined
        ? undefined
        : await libraryVersions({
            version: recipes[0]?.version ?? '',
            trees: [...received.trees.values()],
            installed: installedRecords(one, cases.guestIndex[one.arch] ?? ''),
          });
    const artifacts: PackageArtifact[] = [];
    for (const recipe of recipes) {
      const row = `${one.name} ${recipe.name}`;
      const answer = { ...one.expect.packages?.[recipe.name], ...one.right?.packages?.[recipe.name] };
      const tree = received.trees.get(recipe.name);
      if (answer.lint !== undefined && tree !== undefined) {
        await compareLint(
          row,
          { name: recipe.name, tree, testPipelines: testsOf(one, recipe.name) },
          answer.lint,
          compare,
        );
      }
      const analysed = await analysePackage({
        recipe,
        trees: received.trees,
        order,
        ...(libraryVersion === undefined ? {} : { libraryVersion }),
      }).catch((error: unknown) => error);
      if (analysed instanceof Error) {
        compare(`${row} is packaged`, isBuildError(analysed) ? analysed.code : String(analysed), true);
        continue;
      }
      const pkg = analysed as Awaited<ReturnType<typeof analysePackage>>;
      const { dependencies } = pkg;
      for (const list of ['depends', 'provides', 'replaces', 'vendored'] as const) {
        if (answer[list] !== undefined) compare(`${row} ${list}`, dependencies[list], answer[list]);
      }
      // Where names are not UTF-8, the right answer was made without the file of the SBOM.
      const bare =
        answer.sbom === undefined ||
        (one.name.startsWith('nonutf8') && one.right?.packages?.[recipe.name] !== undefined);
      const withDocument = bare ? pkg.tree : withSbom(pkg.tree, recipe, answer.sbom);
      const artifact = await emitPackage(
        { ...pkg, tree: withDocument },
        { outDir: dir, sourceDateEpoch: epochOf(one), buildFile: 'package: {}\n' },
      );
      artifacts.push(artifact);
      const opened = await openPackage(bytesSource(readFileSync(artifact.path)), { file: artifact.path });
      await comparePackage(row, opened, answer, compare);
      if (answer.sbom !== undefined) {
        compareSbom(row, sbomOf(one, recipe, root), answer.sbom as SpdxDocument, compare);
      }
    }
    const text = one.right?.apkindex ?? one.expect.apkindex;
    if (text !== undefined)
      compare(
        `${one.name} APKINDEX`,
        withoutHashes(formatIndex(artifacts.map((a) => a.record)), one),
        withoutHashes(text, one),
      );
  } finally {
    await received.close();
    rmSync(dir, { recursive: true });
  }
}

/** Which linters find something, and where; how they say it is their own. */
async function compareLint(
  row: string,
  subject: LintSubject,
  want: LintAnswer,
  compare: Compare,
): Promise<void> {
  const { results } = await lintPackage(subject, { require: [], warn: linters.map((l) => l.name) });
  for (const { name } of linters) {
    const got = results.filter((r) => r.linter === name).map((r) => r.details ?? null);
    compare(
      `${row} lint ${name}`,
      got,
      (want[name] ?? []).map((f) => f.details ?? null),
    );
  }
}

function testsOf(one: Case, name: string): string[] {
  interface Tested {
    readonly name?: string;
    readonly test?: { readonly pipeline?: readonly { readonly uses?: string }[] };
  }
  const raw = parse(one.yaml, { schema: 'failsafe' }) as Tested & {
    readonly package: { readonly name: string };
    readonly subpackages?: readonly Tested[];
  };
  const tested = raw.package.name === name ? raw : raw.subpackages?.find((p) => p.name === name);
  return (tested?.test?.pipeline ?? []).flatMap((step) => (step.uses === undefined ? [] : [step.uses]));
}

interface LicenseTexts {
  readonly texts: readonly {
    readonly file: string;
    readonly answer: readonly { readonly name: string; readonly confident: boolean }[];
  }[];
}

/** Which licences are surely there; `-only` and `-or-later` have one text. */
async function licenses({ texts }: LicenseTexts, root: string, compare: Compare): Promise<void> {
  const corpus = await spdxCorpus();
  for (const { file, answer } of texts) {
    const found = detectLicenses(decodeLicense(readFileSync(join(root, file))), corpus)
      .filter((l) => l.confidence >= sureConfidence)
      .map((l) => l.id.replace(/-(only|or-later)$/, ''));
    const want = answer.filter((a) => a.confident).map((a) => a.name);
    compare(
      `license ${file.slice('licenses/'.length)}`,
      [...new Set(found)].toSorted(),
      [...new Set(want)].toSorted(),
    );
  }
}

interface LintPaths {
  readonly findings: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly paths: readonly string[];
}

/** Every path alone in a package, before every linter. */
async function lintPaths({ findings, paths }: LintPaths, compare: Compare): Promise<void> {
  for (const [name, byLinter] of Object.entries(findings)) {
    const found = new Map<string, string[]>();
    for (const path of paths) {
      const content = bytesSource(Buffer.from('x'));
      const tree = packageTree([{ header: tarHeader({ name: path, size: 1, mode: 0o644 }), content }]);
      const subject = { name, tree, testPipelines: [] };
      const { results } = await lintPackage(subject, { require: [], warn: linters.map((l) => l.name) });
      for (const { linter } of results) found.set(linter, [...(found.get(linter) ?? []), path]);
    }
    for (const [linter, want] of Object.entries(byLinter)) {
      if (linter !== 'empty') compare(`lint-paths ${name} ${linter}`, found.get(linter) ?? [], want);
    }
  }
}

async function comparePackage(
  row: string,
  pkg: ApkPackage,
  answer: Partial<PackageAnswer>,
  compare: Compare,
): Promise<void> {
  const text = (name: string): string =>
    Buffer.from(pkg.controlFiles.find((f) => f.name === name)?.bytes ?? []).toString('utf8');
  if (answer.pkginfo !== undefined) {
    const own = (info: string): string[] => info.replaceAll(/^(size|datahash) = .*$/gm, '$1').split('\n');
    const wanted = own(answer.pkginfo).filter((l) => !/^(depend|provides|# vendored) = /.test(l));
    compare(
      `${row} .PKGINFO`,
      own(text('.PKGINFO')).filter((l) => !/^(depend|provides|# vendored) = /.test(l)),
      wanted,
    );
  }
  if (answer.installedSize !== undefined) {
    compare(`${row} installed size`, pkg.info.installedSize, answer.installedSize.observed);
  }
  for (const [name, script] of Object.entries(answer.scripts ?? {}))
    compare(`${row} ${name}`, text(name), script);
  if (answer.control !== undefined) {
    compare(
      `${row} control`,
      pkg.controlFiles.map((f) => ({ ...entryOf(f), size: undefined })),
      answer.control.entries.map((e) => ({ ...wantedEntry(e), size: undefined })),
    );
  }
  if (answer.data === undefined) return;
  const hash = createHash('sha256');
  for await (const chunk of packageData(pkg)) hash.update(chunk);
  const digest = hash.digest('hex');
  if (digest === answer.data.tarSHA256) return compare(`${row} data`, digest, answer.data.tarSHA256);
  const entries: unknown[] = [];
  for await (const entry of packageEntries(pkg)) entries.push(entryOf(entry));
  compare(`${row} data`, entries, answer.data.entries.map(wantedEntry));
}

function entryOf(header: TarHeader): Record<string, unknown> {
  const types = ['file', 'hardLink', 'symlink', 'characterDevice', 'blockDevice', 'directory', 'fifo'];
  const record = (key: string): string | undefined => {
    const found = header.pax.find(([k]) => k === key);
    return found === undefined ? undefined : Buffer.from(found[1]).toString();
  };
  const device = header.type === 'characterDevice' || header.type === 'blockDevice';
  const xattrs = header.pax.filter(([k]) => k.startsWith(XATTR_PREFIX));
  return {
    name: header.name,
    type: String(types.indexOf(header.type)),
    mode: header.mode.toString(8).padStart(4, '0'),
    uid: header.uid,
    gid: header.gid,
    uname: header.uname,
    gname: header.gname,
    size: header.size,
    mtime: header.mtime,
    linkname: header.linkName || undefined,
    dev: device ? [header.devMajor, header.devMinor] : undefined,
    sha1: record(CHECKSUM_RECORD),
    xattrs: xattrs.map(([k, v]) => [k.slice(XATTR_PREFIX.length), Buffer.from(v).toString('base64')]),
  };
}

function wantedEntry(e: Entry): Record<string, unknown> {
  return {
    name: e.nameB64 === undefined ? e.name : decodePath(Buffer.from(e.nameB64, 'base64')),
    type: e.type,
    mode: e.mode,
    uid: e.uid,
    gid: e.gid,
    uname: e.uname,
    gname: e.gname,
    size: e.size,
    mtime: e.mtime,
    linkname: e.linknameB64 === undefined ? e.linkname : decodePath(Buffer.from(e.linknameB64, 'base64')),
    dev: e.dev,
    sha1: e.sha1,
    xattrs: Object.entries(e.xattrs ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  };
}

/** A package without a build date has no line for it: the reference writes `t:0`. */
function withoutZeroTime(index: string): string {
  return index.replaceAll(/^t:0\n/gm, '');
}

/** Hashes and sizes are our own; lists that the reference has wrong are compared apart. */
function withoutHashes(index: string, { right }: Case): string[] {
  const own = right?.packages === undefined ? /^[CSI]:/ : /^[CSIDp]:/;
  return index.split('\n').filter((line) => !own.test(line));
}

function withSbom(
  tree: ReturnType<typeof packageTree>,
  recipe: PackageRecipe,
  sbom: unknown,
): ReturnType<typeof packageTree> {
  const path = `var/lib/db/sbom/${recipe.name}-${recipe.version}.spdx.json`;
  const escapes: Readonly<Record<string, string>> = {
    '<': '\\u003c',
    '>': '\\u003e',
    '&': '\\u0026',
    '\u2028': '\\u2028',
    '\u2029': '\\u2029',
  };
  const json = JSON.stringify(sbom, undefined, 2).replaceAll(/[<>&\u2028\u2029]/g, (c) => escapes[c] ?? c);
  const content = Buffer.from(`${json}\n`);
  const root = { uname: 'root', gname: 'root' };
  const directories = ['var', 'var/lib', 'var/lib/db', 'var/lib/db/sbom']
    .filter((name) => tree.get(name) === undefined)
    .map((name) => ({ header: tarHeader({ name, type: 'directory', mode: 0o755, ...root }) }));
  const file = {
    header: tarHeader({ name: path, size: content.length, ...root }),
    content: bytesSource(content),
  };
  return packageTree([...tree.entries, ...directories, file]);
}

function epochOf(one: Case): number {
  if (one.sourceDateEpoch !== undefined && one.sourceDateEpoch !== null && one.sourceDateEpoch !== '') {
    return Number(one.sourceDateEpoch);
  }
  return one.buildDate === undefined ? 0 : Math.floor(Date.parse(one.buildDate) / 1000);
}

interface RawStep {
  readonly uses?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly pipeline?: readonly RawStep[];
}

/** Reads what concerns the SBOM straight from the YAML, as {@link recipesOf} does. */
function sbomOf(one: Case, recipe: PackageRecipe, root: string): SpdxDocument {
  const raw = parse(one.yaml, { schema: 'failsafe' }) as {
    readonly package: RawPackage;
    readonly pipeline?: readonly RawStep[];
    readonly subpackages?: readonly (RawPackage & { readonly pipeline?: readonly RawStep[] })[];
  };
  const main = raw.package;
  const put = (text: string): string =>
    text.replaceAll('${{package.name}}', main.name).replaceAll('${{package.version}}', String(main.version));
  const defaults = { 'purl-name': main.name, 'purl-version': String(main.version) };
  const steps = (list: readonly RawStep[], above = ''): SourceStep[] =>
    list.flatMap((step, index) => {
      const place = `${above}${index}`;
      if (step.if !== undefined && step.if.includes('riscv64')) return [];
      if (step.uses === undefined) return steps(step.pipeline ?? [], `${place}-`);
      const own = Object.entries(step.with ?? {}).map(([key, value]) => [key, put(value)]);
      const inputs: Record<string, string> = { ...defaults, ...Object.fromEntries(own) };
      return [{ uses: step.uses, inputs, place }];
    });
  const sub = raw.subpackages?.find((p) => put(p.name) === recipe.name);
  const cpe = (main.cpe ?? {}) as Readonly<Record<string, string>>;
  const files = new Map<string, string>();
  if ((main.copyright ?? []).some((c) => c['license-path'] !== undefined)) {
    for (const [name, text] of workspaceFiles(join(root, one.tree))) files.set(name, text);
  }
  return describePackage({
    name: recipe.name,
    version: recipe.version,
    arch: recipe.arch,
    copyright: (main.copyright ?? []).map((c) => {
      const text = files.get(c['license-path'] ?? '');
      return {
        license: c.license ?? '',
        attestation: c.attestation ?? '',
        ...(text === undefined ? {} : { text }),
      };
    }),
    cpe: {
      part: cpe['part'] ?? '',
      vendor: cpe['vendor'] ?? '',
      product: cpe['product'] ?? '',
      edition: cpe['edition'] ?? '',
      language: cpe['language'] ?? '',
      swEdition: cpe['sw_edition'] ?? '',
      targetSw: cpe['target_sw'] ?? '',
      targetHw: cpe['target_hw'] ?? '',
      other: cpe['other'] ?? '',
    },
    namespace: one.namespace ?? 'unknown',
    buildFile: {
      path: one.configFile.path,
      repository: one.configFile.repositoryURL,
      commit: one.configFile.commit,
      license: one.configFile.license,
    },
    sources: steps(raw.pipeline ?? []),
    ...(sub === undefined ? {} : { ownSources: steps(sub.pipeline ?? []) }),
    createdSeconds: epochOf(one),
    tool: 'melange2 (test)',
  });
}

function workspaceFiles(archive: string): [string, string][] {
  const found: [string, string][] = [];
  const tar = gunzipSync(readFileSync(archive));
  for (let at = 0; at + 512 <= tar.length;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0[^]*$/, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8) || 0;
    if (name !== '' && tar[at + 156] === 0x30)
      found.push([name, tar.toString('utf8', at + 512, at + 512 + size)]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

/** Who wrote the document, its namespace and the mirror of one distribution are our own. */
function compareSbom(row: string, got: SpdxDocument, want: SpdxDocument, compare: Compare): void {
  const own = (document: SpdxDocument): unknown => {
    const mirrored = new Set(
      want.packages.filter((p) => p.downloadLocation.includes('tarballs.cgr.dev')).map((p) => p.SPDXID),
    );
    return {
      ...document,
      documentNamespace: '',
      creationInfo: { created: document.creationInfo.created },
      // Only what is no listed licence belongs here, in an order that does not change.
      hasExtractedLicensingInfos: (document.hasExtractedLicensingInfos ?? [])
        .filter((l) => l.licenseId.startsWith('LicenseRef-'))
        .toSorted((a, b) => (a.licenseId < b.licenseId ? -1 : 1)),
      packages: document.packages.map((p) => ({
        ...p,
        ...(mirrored.has(p.SPDXID) ? { downloadLocation: '' } : {}),
      })),
    };
  };
  compare(`${row} SBOM`, own(got), own(want));
  compare(`${row} SBOM is text`, JSON.parse(formatSpdx(got)), JSON.parse(JSON.stringify(got)));
}

interface RawPackage {
  readonly name: string;
  readonly version: string | number;
  readonly epoch: number;
  readonly if?: string;
  readonly description?: string;
  readonly url?: string;
  readonly commit?: string;
  readonly copyright?: readonly {
    readonly license?: string;
    readonly attestation?: string;
    readonly 'license-path'?: string;
  }[];
  readonly cpe?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly scriptlets?: Readonly<Record<string, unknown>> & {
    readonly trigger?: { readonly script?: string; readonly paths?: readonly string[] };
  };
  readonly setcap?: readonly { readonly path: string; readonly add: Readonly<Record<string, string>> }[];
}

/** Reads what concerns packaging straight from the YAML: the reader of build files has its own vectors. */
function recipesOf(one: Case): PackageRecipe[] {
  const raw = parse(one.yaml, { schema: 'failsafe' }) as {
    readonly package: RawPackage;
    readonly subpackages?: readonly (RawPackage & { readonly range?: string })[];
    readonly data?: readonly { readonly name: string; readonly items: Readonly<Record<string, string>> }[];
  };
  const subpackages = (raw.subpackages ?? []).flatMap((p) => {
    const items = raw.data?.find((d) => d.name === p.range)?.items;
    if (items === undefined) return [p];
    return Object.entries(items).map(([key, value]) => {
      const text = JSON.stringify(p).replaceAll('${{range.key}}', key).replaceAll('${{range.value}}', value);
      return JSON.parse(text) as RawPackage;
    });
  });
  const main = raw.package;
  const version = `${main.version}-r${main.epoch}`;
  const put = (text: unknown): string =>
    (typeof text === 'string' ? text : '')
      .replaceAll('${{package.name}}', main.name)
      .replaceAll('${{package.version}}', String(main.version))
      .replaceAll('${{package.full-version}}', version);
  const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(put) : []);
  const scripts = [
    'pre-install',
    'post-install',
    'pre-deinstall',
    'post-deinstall',
    'pre-upgrade',
    'post-upgrade',
  ];
  return [main, ...subpackages].map((p) => {
    const { dependencies = {}, options = {}, scriptlets = {} } = p;
    const number = (key: string): number | undefined =>
      dependencies[key] === undefined ? undefined : Number(dependencies[key]);
    return {
      name: put(p.name),
      version,
      arch: one.arch,
      description: put(p.description),
      url: put(p.url),
      commit: put(p.commit) || put(main.commit) || one.configFile.commit,
      licenses: (main.copyright ?? []).map((c) => c.license ?? ''),
      origin: one.stripOriginName === true ? put(p.name) : main.name,
      namespace: one.namespace ?? 'unknown',
      depends: list(dependencies['runtime']),
      provides: list(dependencies['provides']),
      replaces: list(dependencies['replaces']),
      providerPriority: number('provider-priority'),
      replacesPriority: number('replaces-priority'),
      noProvides: options['no-provides'] === 'true',
      noDepends: options['no-depends'] === 'true',
      noCommands: options['no-commands'] === 'true',
      noVersionedLibraries: options['no-versioned-shlib-deps'] === 'true',
      scripts: new Map([
        ...scripts.flatMap((name) =>
          scriptlets[name] === undefined ? [] : [[`.${name}`, put(scriptlets[name])] as const],
        ),
        ...(scriptlets.trigger?.script === undefined
          ? []
          : [['.trigger', put(scriptlets.trigger.script)] as const]),
      ]),
      triggers: list(scriptlets.trigger?.paths),
      setcap: p.setcap ?? [],
    };
  });
}

function installedRecords(one: Case, index: string): readonly IndexRecord[] {
  const locked = new Set(one.lockedEnvironment.contents.packages);
  return (parseIndex(index, 'guest').value ?? []).filter((r) => locked.has(`${r.name}=${r.version}`));
}

interface GivenPackages {
  readonly [file: string]: unknown;
}

interface GivenPackage {
  readonly file: string;
  readonly present: boolean;
  readonly checksum: string;
  readonly apkindex: string;
  readonly options?: Readonly<Record<string, boolean>> | null;
  readonly declaredRuntime?: readonly string[] | null;
  readonly sca?: {
    readonly runtime?: readonly string[];
    readonly provides?: readonly string[];
    readonly vendored?: readonly string[];
  };
}

/** The packages of the reference's own test data: identity, index record, what their files need and offer. */
async function givenPackages(answers: GivenPackages, root: string, compare: Compare): Promise<void> {
  for (const one of Object.values((answers['packages'] ?? answers) as Record<string, GivenPackage>)) {
    if (!one.present) continue;
    const file = one.file;
    const bytes = readFileSync(join(root, file.startsWith('apks/') ? file : `apks/${file}`));
    const pkg = await openPackage(bytesSource(bytes), { file, checkData: false });
    compare(`${file} identity`, pkg.identity, one.checksum);
    const entries = [];
    for await (const entry of packageEntries(pkg)) {
      const content = entry.type === 'file' ? { content: bytesSource(await entry.bytes()) } : {};
      entries.push({ header: entry, ...content });
    }
    const options = one.options ?? {};
    const found = await analyse({
      name: pkg.info.name,
      version: pkg.info.version,
      tree: packageTree(entries.filter((e) => !e.header.name.startsWith('.'))),
      declared: one.declaredRuntime ?? [],
      noCommands: options['no-commands'] ?? false,
      noDepends: options['no-depends'] ?? false,
      noProvides: options['no-provides'] ?? false,
    });
    compare(`${file} depends`, found.depends, one.sca?.runtime ?? []);
    compare(`${file} provides`, found.provides, one.sca?.provides ?? []);
    compare(`${file} vendored`, found.vendored, one.sca?.vendored ?? []);
    compare(
      `${file} APKINDEX`,
      formatIndex([indexRecordOf(pkg)]).trim(),
      withoutZeroTime(one.apkindex).trim(),
    );
  }
}

interface IndexCase {
  readonly name: string;
  readonly packages: readonly string[];
  readonly merge?: boolean;
  readonly source?: string;
  readonly arch?: string;
  readonly existing?: string;
  readonly expect: {
    readonly apkindex?: string;
    readonly description?: string;
    readonly error?: string;
    readonly panic?: string;
  };
  readonly right?: { readonly apkindex?: string };
}

async function indexes(cases: readonly IndexCase[], root: string, compare: Compare): Promise<void> {
  for (const one of cases) {
    const row = `index ${one.name}`;
    const failed = await (async () => {
      const existing =
        one.merge === true && one.existing !== undefined
          ? await readIndex(Buffer.from(one.existing, 'base64'), { file: 'APKINDEX.tar.gz' })
          : undefined;
      const records: IndexRecord[] = [];
      for (const file of one.packages) {
        const pkg = await openPackage(bytesSource(readFileSync(join(root, file))), {
          file,
          checkData: false,
        });
        const { arch } = pkg.info;
        if (one.arch === undefined || arch === one.arch || arch === 'noarch')
          records.push(indexRecordOf(pkg));
      }
      const merged = mergeRecords(existing?.records ?? [], records);
      const written = await readIndex(
        await writeIndex(merged, { description: existing?.description ?? '' }),
        { file: row },
      );
      compare(
        `${row} APKINDEX`,
        formatIndex(written.records).split('\n'),
        withoutZeroTime(one.right?.apkindex ?? one.expect.apkindex ?? '').split('\n'),
      );
      if (one.expect.description !== undefined)
        compare(`${row} DESCRIPTION`, written.description, one.expect.description);
      return undefined;
    })().catch((error: unknown) => error);
    if (failed !== undefined)
      compare(`${row} is refused`, isBuildError(failed) || isMissing(failed), one.expect.error !== undefined);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

interface SignCase {
  readonly name: string;
  readonly what: 'raw' | 'apk' | 'index' | 'index-force';
  readonly key?: string;
  readonly keyName?: string;
  readonly data?: string;
  readonly file?: string;
  readonly sourceDateEpoch?: number;
  readonly expect: {
    readonly error?: string;
    readonly signature?: string;
    readonly signatureName?: string;
    readonly member?: { readonly tar?: string };
  };
}

async function signatures(cases: readonly SignCase[], root: string, compare: Compare): Promise<void> {
  for (const one of cases) {
    if (one.key === undefined || one.what.startsWith('index')) continue;
    const row = `sign ${one.name}`;
    const key = one.key;
    const failed = await (async () => {
      const signer = parseSigningKey(readFileSync(join(root, key), 'utf8'), { file: one.keyName ?? key });
      let member: Uint8Array;
      if (one.what === 'raw') {
        member = await signatureMember(
          signer,
          Buffer.from(one.data ?? '', 'base64'),
          one.sourceDateEpoch ?? 0,
        );
      } else {
        const pkg = await openPackage(bytesSource(readFileSync(join(root, one.file ?? ''))), {
          file: one.file ?? '',
          checkData: false,
        });
        const parts: Uint8Array[] = [];
        for await (const part of signPackage(pkg, signer)) parts.push(part);
        member = parts[0] ?? new Uint8Array();
      }
      const tar = gunzipSync(member);
      compare(`${row} member`, tar.toString('base64'), one.expect.member?.tar);
      return undefined;
    })().catch((error: unknown) => error);
    if (failed !== undefined)
      compare(`${row} is refused`, isBuildError(failed) || isMissing(failed), one.expect.error !== undefined);
  }
}

type Unit = { readonly in: unknown; readonly out: unknown; readonly error?: string };
type Units = Readonly<Record<string, readonly Unit[]>>;

function units(all: Units, compare: Compare): void {
  const rows = (
    name: string,
    answer: (input: never) => unknown,
    label: (input: never) => string = JSON.stringify,
  ): void => {
    for (const one of all[name] ?? []) {
      compare(`${name} ${label(one.in as never)}`, answer(one.in as never), one.out);
    }
  };
  rows('libver', (soname: string) => libraryVersionOf(soname));
  rows('hostLib', (soname: string) => isHostLibrary(soname));
  rows('inDir', ({ Path, Dirs }: { Path: string; Dirs: string[] }) => isInDirectories(Path, Dirs));
  rows('selfProvided', ({ Runtime, Provides }: { Runtime: string[]; Provides: string[] }) =>
    withoutProvided(Runtime, Provides),
  );
  rows(
    'shebang',
    (base64: string) => {
      const shebang = parseShebang(Buffer.from(base64, 'base64'));
      const program = shebang.kind === 'program' ? shebang.program : '';
      const ignored = ['python3', 'python', 'sh', 'awk', 'luajit'];
      return ignored.includes(program.slice(program.lastIndexOf('/') + 1)) ? '' : program;
    },
    (base64: string) => {
      const line = Buffer.from(base64, 'base64').toString('utf8').split('\n', 1)[0] ?? '';
      return line.length < 78 ? line : `a line of 78 bytes and more: ${line.trim().slice(0, 6)}`;
    },
  );
  rows(
    'setcap',
    (entries: { path: string; add: Record<string, string> }[]) => {
      const byPath = new Map<string, [string, string][]>();
      for (const { path, add } of entries) {
        byPath.set(path, [...(byPath.get(path) ?? []), ...Object.entries(add)]);
      }
      return Object.fromEntries(
        [...byPath].map(([path, add]) => {
          const found = parseCapabilities(add);
          if (typeof found === 'string') return [path, 'refused'];
          return [path, Buffer.from(formatCapabilities(found)).toString('hex')];
        }),
      );
    },
    (entries: { add: Record<string, string> }[]) =>
      entries.flatMap(({ add }) => Object.entries(add).map((pair) => pair.join(' '))).join('; '),
  );
  for (const one of all['licenseFile'] ?? []) {
    const weights = (one.out as { readonly weight: number }[]).map((o) => o.weight);
    const got = licenseFileWeight(one.in as string);
    compare(`licenseFile ${String(one.in)}`, weights.includes(got) ? got : weights, got);
  }
  rows('humanSize', (bytes: number) => humanSize(bytes));
  rows('spdxId', (text: string) => sanitise(text));
  rows('supplier', (name: string) => organisation(name));
  rows('licenseId', (text: string) => spdxLicense(text));
  rows('apkPurl', (p: { Distro: string; Arch: string; Name: string; Version: string }) =>
    apkPurl({ namespace: p.Distro, arch: p.Arch, name: p.Name, version: `${p.Version}-r0` }),
  );
  rows('cpe', ({ cpe, version }: { cpe: Record<string, string>; version: string }) => {
    const of = (key: string): string => cpe[key] ?? '';
    const parts = {
      part: of('part'),
      vendor: of('vendor'),
      product: of('product'),
      edition: of('edition'),
      language: of('language'),
      swEdition: of('sw_edition'),
      targetSw: of('target_sw'),
      targetHw: of('target_hw'),
      other: of('other'),
    };
    return formatCpe(parts, version) ?? '';
  });
  for (const one of all['upstream'] ?? []) {
    const step = one.in as { readonly uses: string; readonly with: Readonly<Record<string, string>> };
    const found = sourcePackage(
      { uses: step.uses, inputs: step.with, place: '3' },
      'Organization: Wolfi',
      'MIT',
    );
    // The mirror of one distribution does not have everybody's sources.
    const without = (pkg: unknown): unknown =>
      JSON.stringify(one.out).includes('tarballs.cgr.dev')
        ? { ...(pkg as object), downloadLocation: '' }
        : pkg;
    const label = `upstream ${step.uses} ${step.with['repository'] ?? ''} ${step.with['uri'] ?? ''}`;
    compare(label.trim(), without(found ?? null), without(one.out));
  }
  for (const one of all['pkgconfig'] ?? []) {
    const { pkgconf } = one as unknown as {
      readonly pkgconf: { readonly requires: string[]; readonly requiresPrivate: string[] };
    };
    const got = parsePkgConfig(one.in as string);
    const plain = (names: readonly string[]): string[] => names.map((n) => n.split(/[<>=!]/, 1)[0] ?? '');
    compare(
      `pkgconfig ${JSON.stringify(one.in)}`,
      [got?.requires ?? [], got?.requiresPrivate ?? []],
      [plain(pkgconf.requires), plain(pkgconf.requiresPrivate)],
    );
  }
}
