import { licenseFileWeight } from '@melange2/license';
import { humanSize } from '@melange2/lint';
import { formatCapabilities, parseCapabilities, withoutProvided } from '@melange2/packager';
import { apkPurl, formatCpe, organisation, sanitise, sourcePackage, spdxLicense } from '@melange2/sbom';
import {
  isHostLibrary,
  isInDirectories,
  libraryVersionOf,
  parsePkgConfig,
  parseShebang,
} from '@melange2/sca';
import type { Compare } from './comparison.ts';

type Unit = { readonly in: unknown; readonly out: unknown; readonly error?: string };
/** Questions by function. */
export type Units = Readonly<Record<string, readonly Unit[]>>;

/** Asks every small function what it was asked there. */
export function units(all: Units, compare: Compare): void {
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
