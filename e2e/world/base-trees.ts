import { bytesSource, tarHeader } from '@melange2/apk';
import { mergedFolders } from './merged-layout.ts';
import { contentOf, type Tree } from './read-deb.ts';

/** Adds a file to a tree. */
export function putFile(tree: Tree, path: string, text: string | Uint8Array, mode = 0o644): void {
  const content = typeof text === 'string' ? Buffer.from(text) : text;
  tree.set(path, {
    header: tarHeader({ name: path, mode, size: content.length }),
    content: bytesSource(content),
  });
}

/** Adds a symlink to a tree. */
export function putLink(tree: Tree, path: string, linkName: string): void {
  tree.set(path, { header: tarHeader({ name: path, type: 'symlink', mode: 0o777, linkName }) });
}

/** The folders, links and files that every system has and no package of Debian brings in this layout. */
export function baseLayout(): Tree {
  const tree: Tree = new Map();
  for (const [link, folder] of mergedFolders) {
    const depth = link.split('/').length - 1;
    putLink(tree, link, depth === 0 ? folder : folder.slice('usr/'.length));
  }
  for (const [name, mode] of [
    ['dev', 0o755],
    ['etc', 0o755],
    ['home', 0o755],
    ['proc', 0o555],
    ['root', 0o700],
    ['run', 0o755],
    ['sys', 0o555],
    ['tmp', 0o1777],
    ['usr/bin', 0o755],
    ['usr/lib', 0o755],
    ['usr/local', 0o755],
    ['usr/share', 0o755],
    ['var/cache', 0o755],
    ['var/lib', 0o755],
    ['var/log', 0o755],
    ['var/tmp', 0o1777],
  ] as const) {
    tree.set(name, { header: tarHeader({ name, type: 'directory', mode }) });
  }
  putFile(tree, 'etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  putFile(tree, 'etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65533:\nnobody:x:65534:\n');
  putFile(tree, 'etc/shadow', 'root:*::0:::::\nnobody:!::0:::::\n', 0o640);
  putFile(tree, 'etc/ld.so.conf', '/usr/local/lib\n');
  putFile(tree, 'etc/nsswitch.conf', 'hosts: files dns\n');
  putFile(tree, 'etc/hosts', '127.0.0.1\tlocalhost\n::1\tlocalhost\n');
  putFile(tree, 'etc/profile', 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin\n');
  putFile(tree, 'etc/os-release', 'ID=melange2-world\nNAME="melange2 offline world"\nVERSION_ID=1\n');
  return tree;
}

/** The bundle that Debian's ca-certificates makes when it is installed: all of Mozilla's certificates. */
export async function certificateBundle(caCertificates: Tree): Promise<Tree> {
  const tree: Tree = new Map();
  const files = [...caCertificates]
    .filter(([path]) => path.startsWith('usr/share/ca-certificates/mozilla/') && path.endsWith('.crt'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const texts: string[] = [];
  for (const [, entry] of files)
    texts.push(
      Buffer.from(await contentOf(entry))
        .toString()
        .trimEnd(),
    );
  putFile(tree, 'etc/ssl/certs/ca-certificates.crt', `${texts.join('\n')}\n`);
  putLink(tree, 'etc/ssl/cert.pem', 'certs/ca-certificates.crt');
  return tree;
}

/** Links for the applets of busybox whose names no other package of the world has. */
export function addAppletLinks(busybox: Tree, applets: readonly string[], taken: ReadonlySet<string>): void {
  for (const applet of applets) {
    const path = `usr/bin/${applet}`;
    if (applet !== 'busybox' && !busybox.has(path) && !taken.has(path)) putLink(busybox, path, 'busybox');
  }
}

/**
 * Lets Debian's libtool link dependencies of libraries as other systems' do: its own setting breaks links of
 * programs against libraries that are not installed yet.
 */
export async function mendLibtool(libtool: Tree): Promise<void> {
  for (const [path, entry] of libtool) {
    if (!path.endsWith('/libtool.m4')) continue;
    const text = Buffer.from(await contentOf(entry)).toString();
    putFile(libtool, path, text.replaceAll(/(_LT_TAGVAR\(link_all_deplibs, \$1\))=no\b/g, '$1=unknown'));
  }
}
