import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import {
  compareBytes,
  formatInstalled,
  tarHeader,
  writeTar,
  type TarHeader,
  type TarInput,
} from '@melange2/apk';
import { addAccounts, type Accounts } from './accounts.ts';
import { installedRecords } from './installed-records.ts';
import { loaderCache } from './loader-cache.ts';
import type { LockedEnvironment } from './lock.ts';
import type { RootNode, RootPlan } from './plan-root.ts';
import { withoutCredentials } from './repository.ts';
import { openRoot } from './root-text.ts';
import type { PackageScan } from './scan-package.ts';

export interface OverlayInput {
  readonly locked: Pick<LockedEnvironment, 'arch' | 'world' | 'repositories' | 'keys'>;
  readonly packages: readonly PackageScan[];
  readonly plan: RootPlan;
  readonly accounts: Accounts;
  readonly certificates: readonly Certificate[];
  readonly runtime: RuntimeRepositories;
}

/** What apk is to know inside of an environment besides what the environment was made with. */
export interface RuntimeRepositories {
  /** Lines of `etc/apk/repositories`. */
  readonly repositories: readonly string[];
  /** Public keys, by the names of their files. */
  readonly keys: readonly { readonly name: string; readonly pem: string }[];
}

/** A certificate authority that steps are to trust, as PEM. */
export interface Certificate {
  readonly name: string;
  readonly pem: string;
}

/**
 * Makes the last layer of an environment, as an unpacked tar: what no package ships.
 *
 * That is apk's database with world, keys and repositories, accounts and homes, links to busybox, the loader's cache,
 * the directories a system needs, and those directories whose owner, mode or time the order of layers would decide.
 * Equal input gives equal bytes; times are 0.
 *
 * @throws {BuildError} ENVIRONMENT_ACCOUNT_INVALID
 */
export async function buildOverlay(input: OverlayInput): Promise<Uint8Array> {
  const { locked, packages, plan, accounts } = input;
  const root = openRoot(plan, packages);
  const out = new Map<string, { header: TarHeader; content?: Uint8Array }>();

  /** The place behind `path`: its directory may be reached through links. */
  const place = (path: string): string => {
    const slash = path.lastIndexOf('/');
    if (slash === -1) return path;
    const parent = path.slice(0, slash);
    return `${root.real(parent) ?? place(parent)}/${path.slice(slash + 1)}`;
  };
  const addDirectory = (path: string, fields: Partial<TarHeader> = {}): void => {
    const known = out.get(path);
    if (known !== undefined && Object.keys(fields).length === 0) return;
    const node = plan.nodes.get(path);
    const own =
      node?.type === 'directory' ? { mode: node.mode, uid: node.uid, gid: node.gid } : { mode: 0o755 };
    out.set(path, { header: tarHeader({ ...own, ...fields, name: `${path}/`, type: 'directory' }) });
    addParents(path);
  };
  const addParents = (path: string): void => {
    const slash = path.lastIndexOf('/');
    if (slash !== -1) addDirectory(path.slice(0, slash));
  };
  const add = (
    path: string,
    content: string | Uint8Array,
    mode = 0o644,
    owner: Pick<RootNode, 'uid' | 'gid'> = { uid: 0, gid: 0 },
  ): void => {
    const at = root.real(path) ?? place(path);
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const { uid, gid } = owner;
    out.set(at, { header: tarHeader({ name: at, mode, uid, gid, size: bytes.length }), content: bytes });
    addParents(at);
  };
  const link = (path: string, target: string): void => {
    const at = place(path);
    out.set(at, { header: tarHeader({ name: at, type: 'symlink', mode: 0o777, linkName: target }) });
    addParents(at);
  };
  const directory = (path: string, fields: Partial<TarHeader>, force = false): void => {
    const at = root.real(path);
    if (at !== undefined && !force) return;
    addDirectory(at ?? place(path), fields);
  };

  for (const [path, mode] of skeleton) directory(path, { mode });
  // A build needs its sticky /tmp, whatever a package says.
  directory('tmp', { mode: 0o1777, uid: 0, gid: 0 }, true);
  for (const path of plan.disputed) addDirectory(path);
  for (const [path, node] of plan.nodes) {
    const plain = node.mode === 0o755 && node.uid === 0 && node.gid === 0;
    if (node.type === 'directory' && !plain) addDirectory(path);
  }

  const files = addAccounts(
    { passwd: root.text('etc/passwd'), group: root.text('etc/group'), shadow: root.text('etc/shadow') },
    accounts,
  );
  add('etc/passwd', files.passwd);
  add('etc/group', files.group);
  if (files.shadow !== undefined)
    add('etc/shadow', files.shadow, 0o640, ownerOf(plan, root.real('etc/shadow')));
  for (const { path, uid, gid } of files.homes) {
    if (root.real(path) !== undefined || out.has(place(path))) continue;
    const created = accounts.users.some((u) => (u.home ?? `/home/${u.name}`).replace(/^\/+/, '') === path);
    addDirectory(place(path), { mode: created ? 0o755 : 0o700, uid, gid });
  }

  const database = databaseDirectory(plan, packages, root.real('lib'), link, addDirectory);
  add(`${database}/installed`, formatInstalled(installedRecords(packages, plan)));
  add(`${database}/scripts.tar`, await scriptsArchive(packages));
  add(`${database}/triggers`, triggersOf(packages));
  add(`${database}/lock`, '', 0o600);
  add('etc/apk/world', locked.world.map((entry) => `${entry}\n`).join(''));
  add('etc/apk/arch', `${locked.arch}\n`);
  const repositories = [
    ...locked.repositories.map(
      (r) => `${r.tag === undefined ? '' : `@${r.tag} `}${withoutCredentials(r.text)}`,
    ),
    ...input.runtime.repositories.map(withoutCredentials),
  ];
  add('etc/apk/repositories', [...new Set(repositories)].map((line) => `${line}\n`).join(''));
  // A key that packages were verified with keeps its name.
  for (const { name, pem } of [...input.runtime.keys, ...locked.keys]) add(`etc/apk/keys/${name}`, pem);

  for (const path of busyboxLinks(packages, root.real('bin/busybox'), root.text)) {
    if (root.real(path) === undefined && !plan.nodes.has(place(path))) link(path, '/bin/busybox');
  }
  let bundle = root.text(certificateBundle);
  for (const { name, pem } of input.certificates) {
    const text = pem.endsWith('\n') ? pem : `${pem}\n`;
    const digest = createHash('sha256').update(text).digest('hex');
    add(`usr/local/share/ca-certificates/${name}-${digest}.crt`, text);
    if (bundle !== undefined) bundle += bundle === '' || bundle.endsWith('\n') ? text : `\n${text}`;
  }
  if (bundle !== undefined && input.certificates.length > 0) add(certificateBundle, bundle);

  const cache = loaderCache(plan, packages, root);
  if (cache !== undefined) add('etc/ld.so.cache', cache);

  const entries = [...out]
    .toSorted(([a], [b]) => compareBytes(a, b))
    .map(([, { header, content }]): TarInput => (content === undefined ? { header } : { header, content }));
  return await buffer(writeTar(entries));
}

const certificateBundle = 'etc/ssl/certs/ca-certificates.crt';

const skeleton: readonly (readonly [string, number])[] = [
  ['dev', 0o755],
  ['etc', 0o755],
  ['etc/apk', 0o755],
  ['etc/apk/keys', 0o755],
  ['home', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['sys', 0o555],
  ['usr', 0o755],
  ['usr/lib', 0o755],
  ['usr/lib/apk', 0o755],
  ['usr/lib/apk/exec', 0o755],
  ['var', 0o755],
  ['var/cache', 0o755],
  ['var/cache/apk', 0o755],
  ['var/cache/misc', 0o755],
];

function ownerOf(plan: RootPlan, path: string | undefined): Pick<RootNode, 'uid' | 'gid'> {
  return (path === undefined ? undefined : plan.nodes.get(path)) ?? { uid: 0, gid: 0 };
}

/** `usr/lib/apk/db`, with what makes it reachable as `lib/apk/db`, where apk looks. */
function databaseDirectory(
  plan: RootPlan,
  packages: readonly PackageScan[],
  lib: string | undefined,
  link: (path: string, target: string) => void,
  addDirectory: (path: string) => void,
): string {
  const path = 'usr/lib/apk/db';
  if (lib === 'usr/lib' || plan.nodes.get('lib/apk')?.type === 'symlink') return path;
  const isMerged = packages.some((p) => p.info.provides.some((text) => /^merged-lib(?:[<>=~]|$)/.test(text)));
  if (lib === undefined && isMerged) {
    link('lib', 'usr/lib');
    return path;
  }
  // A package that has files there keeps its directory, and the database moves in with them.
  const occupied = [...plan.nodes].some(
    ([name, node]) => name.startsWith('lib/apk/') && node.type !== 'directory',
  );
  if (occupied || plan.nodes.has('lib/apk')) return 'lib/apk/db';
  addDirectory('lib');
  link('lib/apk', '../usr/lib/apk');
  return path;
}

async function scriptsArchive(packages: readonly PackageScan[]): Promise<Uint8Array> {
  const entries = packages.flatMap(({ info, identity, scripts }) =>
    scripts.map(({ name, base64 }): TarInput => {
      const content = Buffer.from(base64, 'base64');
      const entry = `${info.name}-${info.version}.${identity}.${name}`;
      return { header: tarHeader({ name: entry, mode: 0o755, size: content.length }), content };
    }),
  );
  return await buffer(writeTar(entries));
}

function triggersOf(packages: readonly PackageScan[]): string {
  return packages
    .filter((p) => p.info.triggers.length > 0)
    .map(({ identity, info }) => `${identity} ${info.triggers.join(' ')}\n`)
    .join('');
}

/** Paths of busybox' programs, from the list that its package ships. */
function busyboxLinks(
  packages: readonly PackageScan[],
  busybox: string | undefined,
  text: (path: string) => string | undefined,
): string[] {
  if (busybox === undefined) return [];
  const owner =
    packages.find((p) => p.info.name === 'busybox') ??
    packages.find((p) => p.info.provides.some((provided) => provided.includes('busybox')));
  const list = owner === undefined ? undefined : text(`etc/busybox-paths.d/${owner.info.name}`);
  return (list ?? '')
    .split('\n')
    .map((line) => line.trim().replace(/^\/+/, ''))
    .filter((line) => line !== '');
}
