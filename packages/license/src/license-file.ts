const shape =
  /^(?:(?<license>(?:un)?licen[sc]e)|(?<copying>copying|copyright)|(?<ofl>ofl)|(?<patents>patents))(?<extension>\.[^./~]+)?$/i;
/** Files that only have the name: code, descriptions. */
const otherKind = /\.(go|xml|spdx|gemspec|header)$/i;

/**
 * Tells how likely a file holds a licence, by its name alone: 0 for not at all, 1 for `LICENSE`.
 *
 * Files below folders that hold other people's packages (`node_modules`, virtual environments, the sources of a
 * compiler) count as none.
 */
export function licenseFileWeight(path: string): number {
  if (isForeign(path)) return 0;
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (otherKind.test(base)) return 0;
  const groups = shape.exec(base)?.groups;
  if (groups !== undefined) {
    const extended = groups['extension'] !== undefined;
    if (groups['license'] !== undefined) return extended ? 0.8 : 1;
    if (groups['copying'] !== undefined) return extended ? 0.75 : 0.9;
    if (groups['ofl'] !== undefined) return extended ? 0.45 : 0.4;
    return extended ? 0.3 : 0.35;
  }
  const stem = /^(.*?)(\.[^./]+)?$/.exec(base)?.[1] ?? '';
  if (/^(un)?licen[sc]e[-_][^.]*$/i.test(stem) || (/^(un)?licen[sc]e[-_].*$/i.test(base) && dots(base) < 2))
    return 0.7;
  if (/^(copying|copyright)[-_][^.]*$/i.test(stem)) return 0.65;
  if (/[-_](un)?licen[sc]e([-_]|$)/i.test(stem)) return 0.6;
  if (/[-_]copying([-_]|$)/i.test(stem)) return 0.55;
  return 0;
}

/** Whether a path lies below a folder that holds other people's packages. */
export function isForeign(path: string): boolean {
  return path
    .split('/')
    .slice(0, -1)
    .some((part) =>
      /^(node_modules|\.?v?env|\.?virtualenv|rustc?(-[0-9.]+)?-src|.*\.?melange-out)$/.test(part),
    );
}

function dots(text: string): number {
  return text.split('.').length - 1;
}
