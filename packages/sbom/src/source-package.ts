import { formatPurl } from './purl.ts';
import { organisation, spdxId } from './spdx-names.ts';
import type { SpdxChecksum, SpdxPackage } from './spdx-document.ts';

/** A step of the build that got source code from elsewhere. */
export interface SourceStep {
  /** `fetch` or `git-checkout`; others are no sources. */
  readonly uses: string;
  /** Values of its inputs, final. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Where it stands among the steps: `3`, or `3-1` for the second child of the fourth. */
  readonly place: string;
}

/** A step as the compiler of build files gives it, as far as it matters here. */
export interface StepWithChildren {
  readonly uses: readonly string[];
  readonly inputs: Readonly<Record<string, string>>;
  readonly children: readonly StepWithChildren[];
}

/**
 * Lists the steps that get source code, wherever they stand, except those that do not run.
 *
 * `runs` tells whether the condition of a step holds.
 */
export function sourceSteps<S extends StepWithChildren>(
  steps: readonly S[],
  runs: (step: S) => boolean = () => true,
  above: string = '',
): SourceStep[] {
  return steps.flatMap((step, index) => {
    if (!runs(step)) return [];
    const place = `${above}${index}`;
    const uses = step.uses.at(-1) ?? '';
    if (uses === 'fetch' || uses === 'git-checkout') return [{ uses, inputs: step.inputs, place }];
    return sourceSteps(step.children as readonly S[], runs, `${place}-`);
  });
}

/** Describes what a step got; undefined when it does not say enough to name it. */
export function sourcePackage(step: SourceStep, supplier: string, license: string): SpdxPackage | undefined {
  if (step.uses === 'fetch') return fetched(step, supplier);
  if (step.uses === 'git-checkout') return checkedOut(step, supplier, license);
  return undefined;
}

function fetched({ inputs, place }: SourceStep, supplier: string): SpdxPackage | undefined {
  const { 'purl-name': name = '', 'purl-version': version = '', uri = '' } = inputs;
  if (name === '') return undefined;
  const checksums = (['sha256', 'sha512'] as const).flatMap((algorithm): SpdxChecksum[] => {
    const value = inputs[`expected-${algorithm}`] ?? '';
    return value === '' ? [] : [{ algorithm: algorithm.toUpperCase() as 'SHA256', checksumValue: value }];
  });
  const last = checksums.at(-1);
  const purl = formatPurl({
    type: 'generic',
    name,
    version,
    qualifiers: {
      checksum: last === undefined ? '' : `${last.algorithm.toLowerCase()}:${last.checksumValue}`,
      download_url: withoutCredentials(uri),
    },
  });
  return source(['Source', name, version, place], {
    name,
    version,
    license: 'NOASSERTION',
    location: withoutCredentials(uri),
    supplier,
    purl,
    checksums,
  });
}

function checkedOut(
  { inputs, place }: SourceStep,
  supplier: string,
  license: string,
): SpdxPackage | undefined {
  const { branch = '', tag = '', 'expected-commit': commit = '', 'type-hint': hint = '' } = inputs;
  const written = withoutCredentials(inputs['repository'] ?? '');
  const version = tag || commit;
  // `git@host:path` is ssh without saying so.
  const scp = /^(?:[^@/:]+@)?([^/:]+):(?!\/\/)(.+)$/.exec(written);
  const repository = scp === null ? written : `ssh://${scp[1]}/${scp[2]}`;
  const match = /^(?:git\+)?([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/i.exec(repository);
  const [scheme, host] = [match?.[1] ?? '', (match?.[2] ?? '').replace(/^[^@]*@/, '')];
  const path = decode((match?.[3] ?? repository).replace(/^\/+|\/+$/g, '').replace(/\.git$/, ''));
  if (version === '' || path === '') return undefined;
  const id = ['Source', written.replace(/^https?:\/\//, ''), branch, tag, commit, place].filter(
    (p) => p !== '',
  );
  const ref = commit || tag;
  const [owner = '', ...rest] = path.split('/');
  const project = rest.join('/');

  if (host === 'github.com') {
    if (project === '') return undefined;
    const purl = formatPurl({
      type: 'github',
      namespace: owner.toLowerCase(),
      name: project.toLowerCase(),
      version,
    });
    const location = `${scheme === 'http' ? scheme : 'https'}://github.com/${owner}/${project}/archive/${ref}.tar.gz`;
    return source(id, { name: project, version, license, location, supplier: organisation(owner), purl });
  }
  const vcs = `${repository.startsWith('git') ? '' : 'git+'}${repository}${commit === '' ? '' : `@${commit}`}`;
  const purl = formatPurl({ type: 'generic', name: path, version, qualifiers: { vcs_url: vcs } });
  const gitlab = host === 'gitlab.com' || host.startsWith('gitlab.') || hint === 'gitlab';
  const location = gitlab
    ? `${scheme}://${host}/${path}/-/archive/${ref}/${ref}.tar.gz`
    : `${repository.startsWith('git') ? '' : 'git+'}${repository}@${ref}`;
  return source(id, { name: path, version, license, location, supplier, purl });
}

interface SourceFacts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly location: string;
  readonly supplier: string;
  readonly purl: string;
  readonly checksums?: readonly SpdxChecksum[];
}

function source(id: readonly string[], facts: SourceFacts): SpdxPackage {
  return {
    SPDXID: spdxId(id),
    name: facts.name,
    ...(facts.version === '' ? {} : { versionInfo: facts.version }),
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: facts.license || 'NOASSERTION',
    downloadLocation: facts.location || 'NOASSERTION',
    originator: facts.supplier,
    supplier: facts.supplier,
    primaryPackagePurpose: 'SOURCE',
    ...(facts.checksums === undefined || facts.checksums.length === 0 ? {} : { checksums: facts.checksums }),
    externalRefs: [
      { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: facts.purl, referenceType: 'purl' },
    ],
  };
}

function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*:[^/@]*@/i, '$1');
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
