/**
 * The apk version that stands for a Debian version: `2:1.2.13.dfsg-1+b1` is `1.2.13-r1`.
 *
 * Epoch and suffixes that apk's grammar has no word for are dropped, so the order of two revisions may be lost;
 * a world has each package once.
 */
export function apkVersionOf(debVersion: string): string {
  const withoutEpoch = debVersion.replace(/^\d+:/, '');
  const dash = withoutEpoch.lastIndexOf('-');
  const upstream = dash < 0 ? withoutEpoch : withoutEpoch.slice(0, dash);
  const revision = dash < 0 ? '0' : withoutEpoch.slice(dash + 1);
  const [, numbers = '0', rest = ''] = /^(\d+(?:\.\d+)*)(.*)$/.exec(upstream) ?? [];
  const letter = /^[a-z](?![a-z])/.exec(rest)?.[0] ?? '';
  const candidate = /^~(alpha|beta|rc)(\d*)/.exec(rest);
  const suffix = candidate === null ? '' : `_${candidate[1]}${candidate[2]}`;
  return `${numbers}${letter}${suffix}-r${/^\d+/.exec(revision)?.[0] ?? '0'}`;
}
