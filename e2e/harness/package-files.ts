import { readFileSync } from 'node:fs';
import { bytesSource, openPackage, packageEntries } from '@melange2/apk';

/** The files of an apk with their contents, links with an arrow and their targets, by path. Folders are left out. */
export async function packageFiles(path: string): Promise<Record<string, string>> {
  const pkg = await openPackage(bytesSource(readFileSync(path)), { file: path });
  const found: Record<string, string> = {};
  for await (const entry of packageEntries(pkg)) {
    if (entry.type === 'file') found[entry.name] = Buffer.from(await entry.bytes()).toString('latin1');
    else if (entry.type !== 'directory') found[entry.name] = `-> ${entry.linkName}`;
  }
  return found;
}
