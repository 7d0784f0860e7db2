import { elfSoname } from './elf-soname.ts';
import { contentOf, type Tree } from './read-deb.ts';

const pkgConfigFile = /^usr\/(?:lib|share|lib\/[a-z0-9_-]+)\/pkgconfig\/([^/]+)\.pc$/;
const libraryFile = /^usr\/lib\/(?:[a-z0-9_]+-linux-[a-z]+\/)?[^/]+\.so(?:\.[^/]*)?$/;
const commandFile = /^usr\/bin\/([^/]+)$/;

/** What other packages may depend on in a tree: its libraries, commands and pkg-config modules, sorted. */
export async function providesOf(tree: Tree, version: string): Promise<readonly string[]> {
  const provides = new Set<string>();
  for (const [path, entry] of tree) {
    const { header } = entry;
    if (header.type !== 'file') continue;
    const command = commandFile.exec(path)?.[1];
    if (command !== undefined && (header.mode & 0o555) === 0o555) provides.add(`cmd:${command}=${version}`);
    const module = pkgConfigFile.exec(path)?.[1];
    if (module !== undefined) provides.add(`pc:${module}=${version}`);
    if (libraryFile.test(path)) {
      const soname = elfSoname(await contentOf(entry));
      if (soname === undefined) continue;
      const number = /\.so\.([0-9.]+)$/.exec(soname)?.[1] ?? '0';
      provides.add(`so:${soname}=${number}`);
    }
  }
  return [...provides].toSorted((a, b) => (a < b ? -1 : 1));
}
