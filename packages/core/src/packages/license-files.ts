import type { TarEntry } from '@melange2/apk';
import type { PackageConfig } from '@melange2/config';
import { decodeLicense, licenseFileWeight } from '@melange2/license';
import { copy, type FileAction, type State } from '@melange2/llb';
import { workspaceFolder } from '@melange2/pipeline';

/** Folder of the exported tar with files of the workspace that are called like licences. */
export const exportedLicenses = 'licenses';

/** Larger files are no licences. */
const largestBytes = 1 << 20;

/** All texts together. Beyond that, further ones are left out: a licence check is no reason to run out of memory. */
const mostBytes = 16 << 20;

/** Letters of either case, as patterns of the daemon have them. */
const either = (word: string): string =>
  word.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);

const names = ['licen[cs]e', 'unlicen[cs]e', 'copying', 'copyright', 'ofl', 'patents'].map((name) =>
  either(name.replace('[cs]', '\0')).replace('\0', '[csCS]'),
);

/** Folders with other people's packages, and the build's own output. */
const foreign = [
  'melange-out',
  '**/.git',
  '**/node_modules',
  '**/venv',
  '**/.venv',
  '**/env',
  '**/.virtualenv',
];

/**
 * Copies files of the workspace that are called like licences to {@link exportedLicenses}: those that the build file
 * names, by their number in `copyright`, and others below `found/`.
 *
 * Daemons that cannot copy by pattern give only those at the top of the workspace.
 */
export function licenseActions(
  workspace: State,
  { package: main }: PackageConfig,
  caps: ReadonlySet<string>,
): FileAction[] {
  const wildcard = { allowWildcard: true, allowEmptyWildcard: true, createDestPath: true };
  const declared = main.copyright.flatMap(({ licensePath }, index) =>
    isInside(licensePath)
      ? [
          copy(
            workspace,
            `${workspaceFolder}/${asPattern(licensePath)}`,
            `${declaredFolder(index)}/`,
            wildcard,
          ),
        ]
      : [],
  );
  const to = `/${exportedLicenses}/found/`;
  if (!caps.has('file.copy.includeexcludepatterns')) {
    const top = names.map((name) => copy(workspace, `${workspaceFolder}/${name}*`, to, wildcard));
    return [...declared, ...top];
  }
  const found = copy(workspace, workspaceFolder, to, {
    copyDirContentsOnly: true,
    createDestPath: true,
    includePatterns: names.flatMap((name) => [`**/${name}*`, `**/*[-_]${name}*`]),
    excludePatterns: foreign,
  });
  return [...declared, found];
}

/** A path as a pattern that only it matches. Without a wildcard in it, the daemon takes a missing file for an error. */
function asPattern(path: string): string {
  const escaped = path.replaceAll(/[*?[\]\\]/g, '\\$&');
  return escaped.replace(/^[A-Za-z0-9._-]/, '[$&]').replace('[-]', '[\\-]');
}

function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..');
}

function declaredFolder(index: number): string {
  return `/${exportedLicenses}/declared-${index}`;
}

/** Texts of licences out of a workspace. */
export interface LicenseFiles {
  /** By path in the workspace, the ones nearest to its top first. */
  readonly found: ReadonlyMap<string, string>;
  /** By their number in `copyright`. */
  readonly declared: ReadonlyMap<number, string>;
  /** How many more there were that were not kept. */
  readonly leftOut: number;
}

/** Takes licence files out of the stream that a build sends back. */
export interface LicenseReceiver {
  /** Reads a file if it is one of {@link exportedLicenses}; tells whether it was. */
  receive(entry: TarEntry): Promise<boolean>;
  files(): LicenseFiles;
}

export function licenseReceiver(config: PackageConfig): LicenseReceiver {
  const found = new Map<string, string>();
  const declared = new Map<number, string>();
  let bytes = 0;
  let leftOut = 0;
  const take = async (entry: TarEntry): Promise<string | undefined> => {
    if (entry.size > largestBytes || bytes + entry.size > mostBytes) {
      leftOut++;
      return undefined;
    }
    bytes += entry.size;
    return decodeLicense(await entry.bytes());
  };
  return {
    async receive(entry) {
      const [, place = '', path = ''] =
        new RegExp(`^(?:\\.?/)?${exportedLicenses}/([^/]+)/(.+)$`).exec(entry.name) ?? [];
      if (place === '') return false;
      const number = /^declared-(\d+)$/.exec(place)?.[1];
      if (number !== undefined) {
        const wanted = config.package.copyright[Number(number)]?.licensePath.split('/').at(-1);
        const text = path === wanted ? await take(entry) : undefined;
        if (text !== undefined) declared.set(Number(number), text);
      } else if (place === 'found' && licenseFileWeight(path) > 0) {
        const text = await take(entry);
        if (text !== undefined) found.set(path, text);
      }
      return true;
    },
    files: () => ({
      found: new Map([...found].toSorted(([a], [b]) => depth(a) - depth(b) || (a < b ? -1 : 1))),
      declared,
      leftOut,
    }),
  };
}

function depth(path: string): number {
  return path.split('/').length;
}
