import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  type ApkPackage,
  bytesSource,
  formatIndex,
  openPackage,
  packageData,
  packageEntries,
  packageTree,
  tarHeader,
} from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import { linters, lintPackage, type LintSubject } from '@melange2/lint';
import {
  analysePackage,
  emitPackage,
  libraryVersions,
  type PackageArtifact,
  type PackageRecipe,
  parseOwnerNames,
  receiveTrees,
} from '@melange2/packager';
import { formatSpdx, type SpdxDocument } from '@melange2/sbom';
import { entryOf, wantedEntry } from './archive-entries.ts';
import {
  type Case,
  type Cases,
  epochOf,
  installedRecords,
  type LintAnswer,
  type PackageAnswer,
  recipesOf,
  sbomOf,
  testsOf,
} from './cases.ts';
import type { Compare } from './comparison.ts';

/** Packages the tree of one case and compares everything that comes out. */
export async function build(one: Case, cases: Cases, root: string, compare: Compare): Promise<void> {
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
