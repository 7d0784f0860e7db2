import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeTar } from '@melange2/apk';
import { buildOverlay, type Certificate, type RuntimeRepositories } from './build-overlay.ts';
import { chooseBase, type BaseRecord } from './choose-base.ts';
import type { Accounts } from './accounts.ts';
import type { LockedEnvironment } from './lock.ts';
import type { CachedPackage } from './package-cache.ts';
import { packageLayer, editedEntries, type StoredLayer } from './package-layer.ts';
import type { EntryEdit, RootPlan } from './plan-root.ts';
import { readFileOrNothing } from './read-location.ts';
import { openRoot } from './root-text.ts';
import { removals } from './surplus.ts';
import { storeFile, writeAside, type StoredFile } from './store-file.ts';

/** The layer of a package and what to call it. */
export interface NamedLayer extends StoredLayer {
  readonly name: string;
}

/** An environment as layers, ready to be offered to a daemon. */
export interface Layering {
  /** The image that comes first, from the bottom up. */
  readonly base: readonly NamedLayer[];
  /** Packages that are merged on top of it, in this order. */
  readonly merged: readonly NamedLayer[];
  /** What no package ships; last. */
  readonly overlay: StoredLayer;
  /** A tar with files whose names mean deletion in a layer; it is unpacked over everything. */
  readonly literal?: StoredFile;
}

export interface LayeringInput {
  readonly locked: LockedEnvironment;
  readonly packages: readonly CachedPackage[];
  readonly plan: RootPlan;
  readonly accounts: Accounts;
  readonly certificates: readonly Certificate[];
  readonly runtime: RuntimeRepositories;
  readonly cacheDir: string;
  /** Puts all packages into `merged`, in the order of installation: for daemons that unpack instead of merging. */
  readonly flat?: boolean;
  /** Chooses the base without regard to earlier ones. */
  readonly portable?: boolean;
  /** The scan of a package that is not wanted, for taking it out of a base. */
  readonly findScan: (identity: string) => Promise<CachedPackage['scan'] | undefined>;
}

/** Makes the layers of an environment. Those that are edited, and the overlay, are kept in the cache. */
export async function makeLayering(input: LayeringInput): Promise<Layering> {
  const { packages, plan, cacheDir } = input;
  const overlay = await storedTar(cacheDir, await overlayOf(input));
  const names = packages.map(({ scan }) => `${scan.info.name}-${scan.info.version}`);
  const layersFor = async (order: readonly number[]): Promise<NamedLayer[]> => {
    const layers: NamedLayer[] = [];
    for (const index of order) {
      const found = packages[index];
      if (found === undefined) continue;
      const edits = input.flat === true ? plainEdits(plan, index) : editsFor(plan, index, order);
      layers.push({ ...(await packageLayer(found, edits, cacheDir)), name: names[index] ?? '' });
    }
    return layers;
  };
  const installed = packages.map((_, i) => i);
  if (input.flat === true) return { base: [], merged: await layersFor(installed), overlay };

  const literal = await literalOf(input);
  const layers = await layersFor(installed);
  const wanted = packages.map(({ scan }, i) => ({
    identity: scan.identity,
    digest: layers[i]?.digest ?? '',
    files: scan.entries.length,
  }));
  const file = join(cacheDir, 'bases', `${input.locked.arch}.json`);
  const records = await readRecords(file);
  const usable = input.portable === true ? [] : records;
  const unwanted = await scansOf(usable, new Set(wanted.map((w) => w.identity)), input.findScan);
  const choice = chooseBase(wanted, usable, (identity) => unwanted.get(identity)?.entries.length);

  const indexOf = new Map(wanted.map((w, i) => [w.identity, i]));
  const inBase = new Set(choice.record.flatMap(({ identity }) => indexOf.get(identity) ?? []));
  const order = [...inBase, ...installed.filter((i) => !inBase.has(i))];
  const ordered = await layersFor(order);
  const holds = order.every((index, i) => !inBase.has(index) || ordered[i]?.digest === wanted[index]?.digest);
  const marks = holds ? removalsOf() : undefined;
  if (!holds || marks === undefined) {
    await writeRecords(file, [wanted.map(({ identity, digest }) => ({ identity, digest })), ...records]);
    return { base: layers, merged: [], overlay, ...(literal === undefined ? {} : { literal }) };
  }
  if (choice.isNew) await writeRecords(file, [choice.record, ...records]);
  const base = await Promise.all(
    choice.record.map(async ({ identity, digest }): Promise<NamedLayer | undefined> => {
      const index = indexOf.get(identity);
      if (index !== undefined) return layers[index];
      const scan = unwanted.get(identity);
      return scan === undefined ? undefined : await surplusLayer(scan, digest, input);
    }),
  );
  const all = base.filter((layer) => layer !== undefined);
  if (all.length !== base.length)
    return { base: layers, merged: [], overlay, ...(literal === undefined ? {} : { literal }) };
  if (marks.length > 0) {
    all.push({ ...(await storedTar(cacheDir, await collect(writeTar(marks)))), name: 'what is not wanted' });
  }
  return {
    base: all,
    merged: ordered.slice(inBase.size),
    overlay,
    ...(literal === undefined ? {} : { literal }),
  };

  function removalsOf(): ReturnType<typeof removals> {
    const scans = [...choice.surplus].flatMap((identity) => unwanted.get(identity) ?? []);
    const root = openRoot(
      plan,
      packages.map((p) => p.scan),
    );
    return removals(scans, plan, root, (index) => inBase.has(index));
  }
}

/** Edits that put files in their places where every package is unpacked after the one before it. */
function plainEdits(plan: RootPlan, index: number): ReadonlyMap<number, EntryEdit> {
  return plan.edits[index] ?? new Map();
}

/** Besides, drops what belongs to a package that lies deeper in this order, and names that mean deletion. */
function editsFor(plan: RootPlan, index: number, order: readonly number[]): ReadonlyMap<number, EntryEdit> {
  const edits = new Map(plan.edits[index]);
  const own = order.indexOf(index);
  for (const [position, winner] of plan.lost[index] ?? []) {
    if (order.indexOf(winner) < own) edits.set(position, { kind: 'drop' });
  }
  for (const position of plan.whiteoutNames[index] ?? []) edits.set(position, { kind: 'drop' });
  return edits;
}

async function overlayOf({
  locked,
  packages,
  plan,
  accounts,
  certificates,
  runtime,
}: LayeringInput): Promise<Uint8Array> {
  const scans = packages.map((p) => p.scan);
  return await buildOverlay({ locked, plan, accounts, certificates, runtime, packages: scans });
}

async function literalOf({ packages, plan, cacheDir }: LayeringInput): Promise<StoredFile | undefined> {
  const chunks: Uint8Array[] = [];
  for (const [index, { scan, path }] of packages.entries()) {
    const only = plan.whiteoutNames[index];
    if (only === undefined || only.size === 0) continue;
    const entries = editedEntries(path, scan.identity, plan.edits[index] ?? new Map(), only);
    chunks.push(await collect(writeTar(entries, { end: false })));
  }
  if (chunks.length === 0) return undefined;
  const layer = await storedTar(cacheDir, Buffer.concat([...chunks, Buffer.alloc(1024)]));
  return { path: layer.path, sizeBytes: layer.sizeBytes, digest: layer.digest };
}

/** A layer made before that is still needed although its package is not: only one that was not edited can be had. */
async function surplusLayer(
  scan: CachedPackage['scan'],
  digest: string,
  { cacheDir }: LayeringInput,
): Promise<NamedLayer | undefined> {
  if (digest !== `sha256:${scan.data.sha256}`) return undefined;
  const folder = `q1-${Buffer.from(scan.identity.slice(2), 'base64').toString('hex')}`;
  const path = join(cacheDir, 'packages', folder, 'package.apk');
  return {
    ...(await packageLayer({ scan, path }, new Map(), cacheDir)),
    name: `${scan.info.name}-${scan.info.version}`,
  };
}

async function scansOf(
  records: readonly BaseRecord[],
  wanted: ReadonlySet<string>,
  findScan: LayeringInput['findScan'],
): Promise<Map<string, CachedPackage['scan']>> {
  const found = new Map<string, CachedPackage['scan']>();
  const isWhole = (record: BaseRecord): boolean => record.every(({ identity }) => wanted.has(identity));
  if (records.some((record) => isWhole(record) && record.length * 10 > wanted.size * 9)) return found;
  for (const record of records) {
    const missing = record.filter(({ identity }) => !wanted.has(identity));
    // Reading the file lists of a base that has nothing in common with what is wanted would be for nothing.
    if (missing.length * 2 > record.length) continue;
    for (const { identity } of missing) {
      const scan = found.has(identity) ? undefined : await findScan(identity);
      if (scan !== undefined) found.set(identity, scan);
    }
  }
  return found;
}

async function storedTar(cacheDir: string, bytes: Uint8Array): Promise<StoredLayer> {
  const key = createHash('sha256').update(bytes).digest('hex');
  const file = await storeFile(join(cacheDir, 'layers'), key, async function* () {
    yield bytes;
  });
  return {
    digest: file.digest,
    diffId: file.digest,
    sizeBytes: file.sizeBytes,
    compressed: false,
    path: file.path,
    offset: 0,
  };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const recordsKept = 8;

async function readRecords(file: string): Promise<readonly BaseRecord[]> {
  const text = await readFileOrNothing(file);
  if (text === undefined) return [];
  try {
    const read: unknown = JSON.parse(text.toString('utf8'));
    return Array.isArray(read) ? (read as BaseRecord[]) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

async function writeRecords(file: string, records: readonly BaseRecord[]): Promise<void> {
  const distinct = [
    ...new Map(records.toReversed().map((r) => [JSON.stringify(r), r])).values(),
  ].toReversed();
  await writeAside(file, JSON.stringify(distinct.slice(0, recordsKept)));
}
