import { createHash } from 'node:crypto';
import type { Cpe } from '@melange2/config';
import { utcTime } from '@melange2/diagnostics';
import { isLicenseExpression, spdxLicense } from './license-expression.ts';
import { formatPurl } from './purl.ts';
import { sourcePackage, type SourceStep } from './source-package.ts';
import type { SpdxDocument, SpdxExtractedLicense, SpdxPackage, SpdxRelationship } from './spdx-document.ts';
import { organisation, spdxId } from './spdx-names.ts';

export interface DescribePackageOptions {
  readonly name: string;
  /** Full version with release, `3.0-r7`. */
  readonly version: string;
  readonly arch: string;
  /** Entries of `copyright`; `text` is that of the file that `license-path` names. */
  readonly copyright: readonly {
    readonly license: string;
    readonly attestation: string;
    readonly text?: string;
  }[];
  readonly cpe?: Omit<Cpe, 'at'>;
  /** Who the package comes from. Empty counts as `unknown`. */
  readonly namespace: string;
  /** The build file: its path, and the repository and commit that it is from, as far as they are known. */
  readonly buildFile: {
    readonly path: string;
    readonly repository: string;
    readonly commit: string;
    readonly license?: string;
  };
  /** Steps of the main package that got source code. */
  readonly sources: readonly SourceStep[];
  /** For a subpackage: steps of its own that got source code. */
  readonly ownSources?: readonly SourceStep[];
  /** Time of the document, in seconds since 1970. */
  readonly createdSeconds: number;
  /** Name and version of the program that writes it. */
  readonly tool: string;
}

/**
 * Describes a package, what it was built from, and by which build file, as an SPDX 2.3 document.
 *
 * Pure, and equal for equal input: ids and the document's namespace are made of names and versions.
 *
 * @see https://spdx.github.io/spdx-spec/v2.3/
 */
export function describePackage(options: DescribePackageOptions): SpdxDocument {
  const { name, version, createdSeconds } = options;
  const namespace = options.namespace || 'unknown';
  const supplier = organisation(namespace);
  const licenses = options.copyright.map(({ license }) => spdxLicense(license)).filter((l) => l !== '');
  const license = licenses.join(' AND ');
  const described = apkPackage(options, namespace, supplier, license);
  const config = configPackage(options, supplier);
  const taken = new Set<string>();
  const unique = (pkg: SpdxPackage): SpdxPackage => {
    // Steps of a subpackage are counted from 0 again, so their ids can meet those of the main package.
    let id = pkg.SPDXID;
    for (let i = 2; taken.has(id); i++) id = `${pkg.SPDXID}-${i}`;
    taken.add(id);
    return { ...pkg, SPDXID: id };
  };
  const describeSources = (steps: readonly SourceStep[]): SpdxPackage[] =>
    steps.flatMap((step) => {
      const pkg = sourcePackage(step, supplier, license);
      return pkg === undefined ? [] : [unique(pkg)];
    });
  const own = describeSources(options.ownSources ?? []);
  const main = describeSources(options.sources);
  const relation = (type: SpdxRelationship['relationshipType'], other: SpdxPackage): SpdxRelationship => ({
    spdxElementId: described.SPDXID,
    relationshipType: type,
    relatedSpdxElement: other.SPDXID,
  });
  const extracted = extractedLicenses(options);
  const document = `apk-${name}-${version}`;
  const identity = createHash('sha256')
    .update(`${namespace}\0${name}\0${version}\0${options.arch}`)
    .digest('hex');
  return {
    SPDXID: 'SPDXRef-DOCUMENT',
    name: document,
    spdxVersion: 'SPDX-2.3',
    creationInfo: {
      created: utcTime(Math.max(0, createdSeconds) * 1000).replace('.000Z', 'Z'),
      creators: [`Tool: ${options.tool}`, supplier],
    },
    dataLicense: 'CC0-1.0',
    documentNamespace: `https://spdx.org/spdxdocs/melange2/${document}-${identity.slice(0, 32)}`,
    documentDescribes: [described.SPDXID],
    packages: [operatingSystem(namespace, supplier), described, ...own, config, ...main],
    relationships: [
      ...own.map((pkg) => relation('GENERATED_FROM', pkg)),
      relation('DESCRIBED_BY', config),
      ...main.map((pkg) => relation('GENERATED_FROM', pkg)),
    ],
    ...(extracted.length === 0 ? {} : { hasExtractedLicensingInfos: extracted }),
  };
}

function operatingSystem(namespace: string, supplier: string): SpdxPackage {
  return {
    SPDXID: 'SPDXRef-OperatingSystem',
    name: namespace,
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    description: 'Operating System',
    downloadLocation: 'NOASSERTION',
    originator: supplier,
    supplier,
    primaryPackagePurpose: 'OPERATING-SYSTEM',
  };
}

function apkPackage(
  { name, version, arch, copyright, cpe }: DescribePackageOptions,
  namespace: string,
  supplier: string,
  license: string,
): SpdxPackage {
  const attestations = copyright.map((c) => c.attestation).filter((text) => text !== '');
  const cpeName = cpe && formatCpe(cpe, version.replace(/-r[0-9]+$/, ''));
  return {
    SPDXID: spdxId(['apk', name, version]),
    name,
    versionInfo: version,
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: license || 'NOASSERTION',
    downloadLocation: 'NOASSERTION',
    originator: supplier,
    supplier,
    copyrightText:
      attestations.length === 0 ? 'NOASSERTION' : attestations.map((text) => `${text}\n`).join(''),
    primaryPackagePurpose: 'APPLICATION',
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceLocator: apkPurl({ namespace, name, version, arch }),
        referenceType: 'purl',
      },
      ...(cpeName === undefined
        ? []
        : [
            {
              referenceCategory: 'SECURITY' as const,
              referenceLocator: cpeName,
              referenceType: 'cpe23Type' as const,
            },
          ]),
    ],
  };
}

/** The package URL of an apk. */
export function apkPurl(pkg: {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly arch: string;
}): string {
  return formatPurl({
    type: 'apk',
    namespace: pkg.namespace,
    name: pkg.name,
    version: pkg.version,
    qualifiers: { arch: pkg.arch, distro: pkg.namespace === 'unknown' ? '' : pkg.namespace },
  });
}

/** The CPE 2.3 name of a package; undefined when the build file does not give exactly one vendor and product. */
export function formatCpe(cpe: Omit<Cpe, 'at'>, version: string): string | undefined {
  if ([cpe.vendor, cpe.product].some((text) => text === '' || text === '*')) return undefined;
  if (!['', 'a', 'h', 'o'].includes(cpe.part)) return undefined;
  const any = (text: string): string => text || '*';
  return [
    'cpe:2.3',
    cpe.part || 'a',
    cpe.vendor,
    cpe.product,
    version,
    '*',
    any(cpe.edition),
    any(cpe.language),
    any(cpe.swEdition),
    any(cpe.targetSw),
    any(cpe.targetHw),
    any(cpe.other),
  ].join(':');
}

function configPackage({ buildFile }: DescribePackageOptions, supplier: string): SpdxPackage {
  const { path, repository, commit, license } = buildFile;
  const purl = configPurl(path, repository, commit);
  return {
    SPDXID: spdxId(['Melange', path, commit]),
    name: path,
    ...(commit === '' ? {} : { versionInfo: commit }),
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: license ?? 'NOASSERTION',
    downloadLocation: 'NOASSERTION',
    originator: supplier,
    supplier,
    primaryPackagePurpose: 'INSTALL',
    ...(purl === undefined
      ? {}
      : {
          externalRefs: [
            { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: purl, referenceType: 'purl' },
          ],
        }),
  };
}

function configPurl(path: string, repository: string, commit: string): string | undefined {
  const url = repository.replace(/\.git$/, '');
  const github = /^(?:https?:\/\/|git@|ssh:\/\/git@)github\.com[/:]([^/]+)\/([^/]+)\/?$/.exec(url);
  if (github !== null) {
    const [, owner = '', name = ''] = github;
    return formatPurl({
      type: 'github',
      namespace: owner.toLowerCase(),
      name: name.toLowerCase(),
      version: commit,
      subpath: path,
    });
  }
  const name = url.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? '';
  if (name === '') return undefined;
  const vcs = `git+${repository.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1')}${commit === '' ? '' : `@${commit}`}`;
  return formatPurl({ type: 'generic', name, version: commit, qualifiers: { vcs_url: vcs }, subpath: path });
}

function extractedLicenses({ copyright }: DescribePackageOptions): SpdxExtractedLicense[] {
  const found = new Map<string, string>();
  for (const { license, text } of copyright) {
    const licenseId = spdxLicense(license);
    const own = licenseId.startsWith('LicenseRef-') && /^LicenseRef-[A-Za-z0-9.-]+$/.test(licenseId);
    if (license === '' || !own || (isLicenseExpression(license) && license !== licenseId)) continue;
    found.set(licenseId, text ?? found.get(licenseId) ?? `Non-SPDX License: ${license}`);
  }
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([licenseId, extractedText]) => ({ licenseId, extractedText }));
}

/** Where the document of a package lies in it. */
export function sbomPath(name: string, version: string): string {
  return `var/lib/db/sbom/${name}-${version}.spdx.json`;
}
