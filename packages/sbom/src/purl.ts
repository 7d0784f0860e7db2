/** The parts of a package URL. */
export interface PackageUrl {
  readonly type: string;
  /** Segments parted by slashes. */
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  /** Empty values are left out. */
  readonly qualifiers?: Readonly<Record<string, string>>;
  readonly subpath?: string;
}

/**
 * Writes a package URL, qualifiers sorted, everything escaped that has to be.
 *
 * @see https://github.com/package-url/purl-spec/blob/main/PURL-SPECIFICATION.rst
 */
export function formatPurl({ type, namespace, name, version, qualifiers, subpath }: PackageUrl): string {
  const segments = (path: string): string =>
    path
      .split('/')
      .filter((s) => s !== '')
      .map(escape)
      .join('/');
  const query = Object.entries(qualifiers ?? {})
    .filter(([, value]) => value !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${escape(value)}`)
    .join('&');
  return [
    `pkg:${type}/`,
    namespace === undefined || namespace === '' ? '' : `${segments(namespace)}/`,
    escape(name),
    version === undefined || version === '' ? '' : `@${escape(version)}`,
    query === '' ? '' : `?${query}`,
    subpath === undefined || subpath === '' ? '' : `#${segments(subpath)}`,
  ].join('');
}

function escape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%3A', ':')
    .replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
