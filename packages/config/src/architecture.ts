/** An architecture under each of its names. */
export interface Architecture {
  /** As apk calls it: `x86_64`. */
  readonly apk: string;
  /** As Go and OCI call it: `amd64`, `arm/v7`. */
  readonly go: string;
  /** GNU triplet for a libc flavor. */
  readonly gnuTriplet: (libc: Libc) => string;
  readonly rustTriplet: (libc: Libc) => string;
}

/** The libc flavor of a build environment. */
export type Libc = 'gnu' | 'musl';

/** apk name, Go name, the triplets before and behind the flavor. */
const rows: readonly (readonly [string, string, string, string, string])[] = [
  ['x86', '386', 'i486-pc-linux', 'i686-unknown-linux', ''],
  ['x86_64', 'amd64', 'x86_64-pc-linux', 'x86_64-unknown-linux', ''],
  ['aarch64', 'arm64', 'aarch64-unknown-linux', 'aarch64-unknown-linux', ''],
  ['armhf', 'arm/v6', 'arm-unknown-linux', 'armv6-unknown-linux', 'eabihf'],
  ['armv7', 'arm/v7', 'armv7l-unknown-linux', 'armv7-unknown-linux', 'eabihf'],
  ['ppc64le', 'ppc64le', 'powerpc64le-unknown-linux', 'powerpc64le-unknown-linux', ''],
  ['s390x', 's390x', 's390x-ibm-linux', 's390x-unknown-linux', ''],
  ['riscv64', 'riscv64', 'riscv64-unknown-linux', 'riscv64-unknown-linux', ''],
  ['loongarch64', 'loong64', 'loong64-unknown-linux', 'loong64-unknown-linux', ''],
];

const byName = new Map<string, Architecture>(
  rows.flatMap(([apk, go, gnu, rust, end]) => {
    const architecture: Architecture = {
      apk,
      go,
      gnuTriplet: (libc) => `${gnu}-${libc}${end}`,
      rustTriplet: (libc) => `${rust}-${libc}${end}`,
    };
    return [apk, go].map((name) => [name, architecture] as const);
  }),
);

/** Every architecture that has triplets, by its apk name, in the order of their OCI names. */
export const architectures: readonly string[] = rows
  .toSorted((a, b) => (a[1] < b[1] ? -1 : 1))
  .map(([apk]) => apk);

/** The architecture of this name, in any spelling; an unknown name stands for itself. */
export function architecture(name: string): Architecture {
  const triplet = (libc: Libc): string => `${name}-unknown-linux-${libc}`;
  return byName.get(name) ?? { apk: name, go: name, gnuTriplet: triplet, rustTriplet: triplet };
}
