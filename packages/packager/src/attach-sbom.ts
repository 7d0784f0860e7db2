import { bytesSource, packageTree, tarHeader } from '@melange2/apk';
import { describePackage, formatSpdx, sbomPath, type DescribePackageOptions } from '@melange2/sbom';
import type { AnalysedPackage } from './analyse-package.ts';

/** What the document needs besides what the package says of itself. */
export type AttachSbomOptions = Omit<DescribePackageOptions, 'name' | 'version' | 'arch' | 'namespace'>;

/**
 * Puts a description of the package as an SPDX document into it, below `var/lib/db/sbom`.
 *
 * The file is root's and readable for everybody, whatever lay at its place before.
 */
export function attachSbom(pkg: AnalysedPackage, options: AttachSbomOptions): AnalysedPackage {
  const { name, version, arch, namespace } = pkg.recipe;
  const text = formatSpdx(describePackage({ ...options, name, version, arch, namespace }));
  const content = Buffer.from(text);
  const header = tarHeader({
    name: sbomPath(name, version),
    size: content.length,
    uname: 'root',
    gname: 'root',
  });
  return { ...pkg, tree: packageTree([...pkg.tree.entries, { header, content: bytesSource(content) }]) };
}
