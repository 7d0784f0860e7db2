import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  CHECKSUM_RECORD,
  bytesSource,
  formatIndex,
  formatInstalled,
  openPackage,
  packageEntries,
  parseIndex,
  parseInstalled,
  parseKeyring,
  readIndex,
  type Keyring,
  type TarHeader,
} from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import type { Conformance } from './solver.ts';

interface Entry {
  readonly type: string;
  readonly name: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly mtime: number;
  readonly size: number;
  readonly link?: string;
  readonly sha1?: string;
}

interface Answers {
  readonly apks: Readonly<
    Record<
      string,
      {
        readonly size: number;
        readonly identity: string;
        readonly datahash: string;
        readonly datahashMatches: boolean;
        readonly pkginfo: readonly string[];
        readonly signatures: readonly { readonly key: string; readonly verifies: boolean | null }[];
        readonly members: readonly {
          readonly kind: 'signature' | 'control' | 'data';
          readonly offset: number;
          readonly length: number;
          readonly sha1: string;
          readonly sha256: string;
          readonly entries: readonly Entry[];
        }[];
      }
    >
  >;
  readonly indexes: Readonly<
    Record<
      string,
      {
        readonly packages: number;
        readonly description?: string;
        readonly letters: Readonly<Record<string, number>>;
        readonly signatures?: readonly { readonly key: string; readonly verifies: boolean | null }[];
      }
    >
  >;
}

/** Public keys of the test data: those that lie beside a file or in one of its folders count first. */
const keyFiles = [
  'cli/packages/melange.rsa.pub',
  'cli/private_packages/private_pkg_key.rsa.pub',
  'apk-testdata/rsa256-signed/test-rsa256.rsa.pub',
  ...[
    '60912bbc46bfc8ed6bda0b50db3a8a5f3c4344d6bc8549ec9b84d96140b475d1',
    '61cb6bccd1f584b007db7be51ebce2b0530a54cc5a94e7650b570d113d537cf3',
    '0106f58bac88057c2ff5c2829850df492717a876ed700443550353c7ab23f5a0',
  ].map((digest) => `apk-testdata/signing/keys/chainguard-${digest}.rsa.pub`),
];

/** Reads every package, index and installed database of the vectors and compares what they say. */
export async function run(vectors: string): Promise<Conformance> {
  const root = join(vectors, 'apk/apko');
  const answers = JSON.parse(readFileSync(join(vectors, 'apk/apks.json'), 'utf8')) as Answers;
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const compare = (name: string, got: unknown, want: unknown): void => {
    const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
    if (a === b) result.equal++;
    else result.failed.push(`${name}\n  want ${b?.slice(0, 500)}\n  got  ${a?.slice(0, 500)}`);
  };
  const keyring = parseKeyring(
    keyFiles.map((file) => ({ name: basename(file), pem: readFileSync(join(root, file), 'utf8') })),
  );

  for (const [file, want] of Object.entries(answers.apks)) {
    const pkg = await openPackage(bytesSource(load(root, file)), { file });
    const part = (kind: string): unknown => {
      const member = want.members.find((m) => m.kind === kind);
      return member && [member.offset, member.length, member.sha1, member.sha256];
    };
    const own = ({ offset, length, sha1, sha256 }: NonNullable<typeof pkg.signature>): unknown => [
      offset,
      length,
      sha1,
      sha256,
    ];
    compare(`${file} signature`, pkg.signature && own(pkg.signature), part('signature'));
    compare(`${file} control`, own(pkg.control), part('control'));
    compare(
      `${file} data`,
      [pkg.data.offset, pkg.info.dataHash],
      [(part('data') as unknown[])[0], want.datahash],
    );
    compare(`${file} identity`, pkg.identity, want.identity);
    compare(
      `${file} pkginfo`,
      [
        pkg.info.name,
        pkg.info.version,
        pkg.info.arch,
        pkg.info.depends,
        pkg.info.provides,
        pkg.info.replaces,
      ],
      [
        ...['pkgname', 'pkgver', 'arch'].map((key) => valuesOf(want.pkginfo, key).at(-1)),
        ...['depend', 'provides', 'replaces'].map((key) =>
          valuesOf(want.pkginfo, key).flatMap((v) => v.split(' ')),
        ),
      ],
    );
    compare(
      `${file} control files`,
      pkg.controlFiles.map((f) => entryOf(f, sha1(f.bytes))),
      want.members.find((m) => m.kind === 'control')?.entries.map(pick),
    );
    const entries: unknown[] = [];
    for await (const entry of packageEntries(pkg)) {
      const bytes = await entry.bytes();
      entries.push(
        entryOf(
          entry,
          entry.type === 'file' && (entry.size > 0 || hasChecksum(entry)) ? sha1(bytes) : undefined,
        ),
      );
    }
    compare(
      `${file} files`,
      entries,
      want.members
        .find((m) => m.kind === 'data')
        ?.entries.map((e) => pick(e.size === 0 && e.type === '0' ? { ...e, sha1: e.sha1 ?? '' } : e))
        .map((e) => e),
    );
    for (const { key, verifies } of want.signatures) {
      compare(`${file} signed by ${key}`, await verdict(file, root, keyring), verifies);
    }
  }

  for (const [file, want] of Object.entries(answers.indexes)) {
    const bytes = readFileSync(join(root, file));
    if (want.signatures === undefined) {
      // Its signature lies inside what it signs, so nothing could be verified.
      const refused = await readIndex(bytes, { file }).catch((error: unknown) => error);
      compare(`${file} is refused`, isBuildError(refused) && refused.code, 'INDEX_INVALID');
      continue;
    }
    const index = await readIndex(bytes, { file });
    compare(`${file} packages`, index.records.length, want.packages);
    compare(`${file} description`, index.description, want.description ?? '');
    const count = (has: (record: (typeof index.records)[number]) => boolean): number =>
      index.records.filter(has).length;
    compare(
      `${file} letters`,
      [
        count((r) => r.depends.length > 0),
        count((r) => r.provides.length > 0),
        count((r) => r.installIf.length > 0),
        count((r) => r.providerPriority !== undefined),
        count((r) => r.identity !== undefined),
      ],
      ['D', 'p', 'i', 'k', 'C'].map((letter) => want.letters[letter] ?? 0),
    );
    compare(`${file} round trip`, parseIndex(formatIndex(index.records), file).value, index.records);
    for (const { key, verifies } of want.signatures) {
      const ring = new Map([...keyring].filter(([name]) => name === key));
      const answer = await readIndex(bytes, { file, keyring: ring }).then(
        () => true,
        (error: unknown) => (isBuildError(error) && error.code === 'SIGNATURE_KEY_UNKNOWN' ? null : false),
      );
      compare(`${file} signed by ${key}`, answer, verifies);
    }
  }

  const databases = [
    ...readdirSync(join(root, 'apk-testdata/installed'))
      .filter((name) => name !== 'bad-top-level-perms')
      .map((name) => `apko/apk-testdata/installed/${name}`),
    'apko/apk-testdata/root/usr/lib/apk/db/installed',
    'apk-tools-gpl2/query-installed.data',
  ];
  for (const file of databases) {
    const text = readFileSync(join(vectors, 'apk', file), 'utf8');
    const { value, diagnostics } = parseInstalled(text, file);
    compare(`${file} is read`, diagnostics, []);
    compare(`${file} packages`, value?.length, text.match(/^P:/gm)?.length ?? 0);
    compare(
      `${file} files`,
      value?.reduce((sum, r) => sum + r.directories.reduce((n, d) => n + d.files.length, 0), 0),
      text.match(/^R:/gm)?.length ?? 0,
    );
    compare(`${file} round trip`, parseInstalled(formatInstalled(value ?? []), file).value, value);
  }
  return result;
}

async function verdict(file: string, root: string, keyring: Keyring): Promise<boolean | null> {
  const source = bytesSource(load(root, file));
  return openPackage(source, { file, keyring }).then(
    () => true,
    (error: unknown) => {
      if (isBuildError(error) && error.code === 'SIGNATURE_KEY_UNKNOWN') return null;
      if (isBuildError(error) && error.code === 'SIGNATURE_INVALID') return false;
      throw error;
    },
  );
}

/** A package of the test data; one of them is a link that was copied as a file with its target. */
function load(root: string, file: string): Uint8Array {
  const bytes = readFileSync(join(root, file));
  return bytes.length < 100 ? readFileSync(join(root, file, '..', bytes.toString('utf8'))) : bytes;
}

function valuesOf(lines: readonly string[], key: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${key} = `))
    .map((line) => line.slice(key.length + 3).trim())
    .filter((value) => value !== '');
}

function hasChecksum(header: TarHeader): boolean {
  return header.pax.some(([key]) => key === CHECKSUM_RECORD);
}

function entryOf(header: TarHeader, sha1OfContent: string | undefined): unknown {
  const types = ['file', 'hardLink', 'symlink', 'characterDevice', 'blockDevice', 'directory', 'fifo'];
  return [
    String(types.indexOf(header.type)),
    header.name,
    header.mode.toString(8),
    header.uid,
    header.gid,
    header.uname,
    header.gname,
    header.mtime,
    header.size,
    header.linkName,
    header.type === 'file' ? (sha1OfContent ?? '') : '',
  ];
}

function pick(e: Entry): unknown {
  return [
    e.type,
    e.name,
    e.mode,
    e.uid,
    e.gid,
    e.uname,
    e.gname,
    e.mtime,
    e.size,
    e.link ?? '',
    e.sha1 ?? '',
  ];
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}
