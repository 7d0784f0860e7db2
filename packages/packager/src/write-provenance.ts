import { dirname, join } from 'node:path';
import { gzipParallel, signatureMember, tarHeader, writeTar, type SigningKey } from '@melange2/apk';
import { utcTime } from '@melange2/diagnostics';
import type { PackageArtifact } from './emit-package.ts';
import { writeAside } from './write-aside.ts';

/** What made a package, and of what. */
export interface Provenance {
  /** The compiled build file as plain data, the way it is written as JSON. */
  readonly config: unknown;
  /** Version of melange2. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  /** Milliseconds since 1970. */
  readonly finishedMs: number;
}

/** An in-toto statement with a SLSA provenance predicate, keys in the order in which they are written. */
export interface ProvenanceStatement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: 'https://slsa.dev/provenance/v1';
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: { readonly 'package-configuration': unknown };
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: { readonly melange2: string } };
      readonly metadata: { readonly startedOn: string; readonly finishedOn: string };
    };
  };
}

/**
 * States how a package file was made. The subject's digest is that of the whole file.
 *
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 * @see https://slsa.dev/spec/v1.0/provenance
 */
export function provenanceStatement(
  artifact: Pick<PackageArtifact, 'info' | 'sha256'>,
  { config, version, startedMs, finishedMs }: Provenance,
): ProvenanceStatement {
  const { name, version: packageVersion } = artifact.info;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `${name}-${packageVersion}.apk`, digest: { sha256: artifact.sha256 } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        // The parameters are those of melange's builds, so readers of its statements understand them.
        buildType: 'https://chainguard.dev/buildtypes/melange/v1',
        externalParameters: { 'package-configuration': config },
      },
      runDetails: {
        builder: { id: 'pkg:npm/%40melange2/cli', version: { melange2: version } },
        metadata: {
          startedOn: utcTime(startedMs),
          finishedOn: utcTime(finishedMs),
        },
      },
    },
  };
}

export interface WriteProvenanceOptions {
  /** Time of the file in the archive, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  /** Signs the archive as packages are signed. */
  readonly key?: SigningKey;
  readonly signal?: AbortSignal;
}

/**
 * Writes the statement beside its package, as `name-version.attest.tar.gz`; it appears whole or not at all.
 *
 * @returns the path of the archive.
 * @throws {BuildError} PACKAGE_WRITE_FAILED.
 */
export async function writeProvenance(
  artifact: PackageArtifact,
  provenance: Provenance,
  options: WriteProvenanceOptions,
): Promise<string> {
  const identity = `${artifact.info.name}-${artifact.info.version}`;
  const statement = JSON.stringify(provenanceStatement(artifact, provenance), undefined, 2);
  const content = Buffer.from(statement);
  const mtime = Math.max(0, options.sourceDateEpoch);
  const header = tarHeader({
    name: `${identity}.attestation`,
    size: content.length,
    uname: 'root',
    gname: 'root',
    mtime,
  });
  const parts: Uint8Array[] = [];
  for await (const part of gzipParallel(writeTar([{ header, content }], { end: false }))) parts.push(part);
  const archive = Buffer.concat(parts);
  const signature = options.key === undefined ? [] : [await signatureMember(options.key, archive, mtime)];
  const path = join(dirname(artifact.path), `${identity}.attest.tar.gz`);
  await writeAside(path, [...signature, archive], options.signal);
  return path;
}
