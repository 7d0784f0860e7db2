import { createHash } from 'node:crypto';
import { applyEdits, type BumpedSource, type BumpPlan, changeValue, planBump } from '@melange2/config';
import { buildError, hasErrors, type Span } from '@melange2/diagnostics';
import { openTransport, type Transport } from '@melange2/environment';
import { errors } from '../errors.ts';
import { invalidBuildFile } from './invalid-build-file.ts';
import { readBuildText } from './read-config.ts';
import { writeAside } from '../write-aside.ts';

export interface BumpRequest {
  /** Absolute. */
  readonly path: string;
  /** As the user gave it. */
  readonly file: string;
  readonly version: string;
  readonly expectedCommit?: string;
}

/** What was changed. */
export interface BumpedPackage {
  readonly from: BumpPlan['from'];
  readonly to: BumpPlan['to'];
  readonly checksums: readonly {
    readonly uri: string;
    readonly algorithm: string;
    readonly checksum: string;
  }[];
  /** Commits in the file that belong to the version before. */
  readonly oldCommits: readonly Span[];
}

/**
 * Gives the package of a build file a new version: in place, with the checksums of what it fetches.
 *
 * The file is written at the end, whole, or not at all.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID, CONFIG_EDIT_IMPOSSIBLE, BUMP_SOURCE_MISSING,
 * ENVIRONMENT_DOWNLOAD_FAILED
 */
export async function bumpPackage(request: BumpRequest, signal: AbortSignal): Promise<BumpedPackage> {
  const { path, file, version, expectedCommit } = request;
  const text = await readBuildText(path, file);
  const { value: plan, diagnostics } = planBump(text, file, {
    version,
    ...(expectedCommit === undefined ? {} : { expectedCommit }),
  });
  if (plan === undefined || hasErrors(diagnostics)) throw invalidBuildFile(file, diagnostics);
  const transport = openTransport();
  let changed = plan.text;
  const checksums: BumpedPackage['checksums'][number][] = [];
  try {
    for (const source of plan.sources) {
      const hashes = await hashSource(source, transport, signal);
      for (const { algorithm, path: place } of source.checksums) {
        const checksum = hashes.get(algorithm) ?? '';
        changed = applyEdits(changed, changeValue(changed, place, checksum));
        checksums.push({ uri: source.uri, algorithm, checksum });
      }
    }
  } finally {
    await transport.close();
  }
  await writeAside(path, changed);
  return { from: plan.from, to: plan.to, checksums, oldCommits: plan.oldCommits };
}

async function hashSource(
  { uri, checksums }: BumpedSource,
  transport: Transport,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const answer = await transport.get(uri, { signal });
  if (answer.status !== 'ok') throw buildError(errors, 'BUMP_SOURCE_MISSING', { uri });
  const hashes = checksums.map(({ algorithm }) => ({ algorithm, hash: createHash(algorithm) }));
  for await (const chunk of answer.body) for (const { hash } of hashes) hash.update(chunk);
  return new Map(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest('hex')]));
}
