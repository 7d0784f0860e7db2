import { parsePlatform, type Platform } from '@melange2/llb';

const platforms: Readonly<Record<string, string>> = {
  x86_64: 'linux/amd64',
  x86: 'linux/386',
  aarch64: 'linux/arm64',
  armhf: 'linux/arm/v6',
  armv7: 'linux/arm/v7',
  loongarch64: 'linux/loong64',
  ppc64le: 'linux/ppc64le',
  riscv64: 'linux/riscv64',
  s390x: 'linux/s390x',
};

/** The platform of an architecture by apk's name; names that apk does not have are taken as they are. */
export function platformOf(arch: string): Platform {
  return parsePlatform(platforms[arch] ?? `linux/${arch}`);
}
