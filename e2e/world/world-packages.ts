/** Debian packages whose closure the world is made of: a C and C++ tool chain, autotools, cmake, perl, and a userland. */
export const rootPackages: readonly string[] = [
  'autoconf',
  'automake',
  'bash',
  'binutils',
  'busybox',
  'bzip2',
  'cmake',
  'coreutils',
  'diffutils',
  'file',
  'findutils',
  'g++',
  'gcc',
  'grep',
  'gzip',
  'libbz2-dev',
  'libc-bin',
  'libc6-dev',
  'libcanary-stability-perl',
  'libcap2-bin',
  'libcommon-sense-perl',
  'libperl-dev',
  'libtool',
  'libtypes-serialiser-perl',
  'm4',
  'make',
  'ninja-build',
  'patch',
  'pax-utils',
  'perl',
  'pkgconf',
  'sed',
  'tar',
  'unzip',
  'wget',
  'xz-utils',
  'zlib1g-dev',
];

/** Packages of which only the files are wanted, not what they depend on. */
export const lonePackages: readonly string[] = ['ca-certificates'];

/** What the closure brings for maintainer scripts, documentation and Python helpers only. */
export const omittedPackages: RegExp =
  /^(base-files|debconf|debianutils|dpkg|init-system-helpers|libfile-find-rule-perl|libnumber-compare-perl|libpython3.*|libtext-glob-perl|media-types|python3.*|sgml-base|usrmerge)$/;

/**
 * Names of Wolfi that recipes and pipelines ask for, as empty packages: what they stand for here.
 *
 * A name that a Debian package has already is not in this list.
 */
export const wolfiNames: Readonly<Record<string, readonly string[]>> = {
  'apk-tools': [],
  'build-base': ['binutils', 'g++', 'gcc', 'libc6-dev', 'make', 'pkgconf', 'wolfi-baselayout'],
  'bzip2-dev': ['libbz2-dev'],
  glibc: ['libc6'],
  'glibc-dev': ['libc6-dev'],
  'ld-linux': ['libc6'],
  libgcc: ['libgcc-s1'],
  'libstdc++': ['libstdc++6'],
  'libxcrypt-dev': ['libcrypt-dev'],
  'linux-headers': ['linux-libc-dev'],
  'man-db': [],
  ninja: ['ninja-build'],
  'openssf-compiler-options': [],
  'perl-canary-stability': ['libcanary-stability-perl'],
  'perl-common-sense': ['libcommon-sense-perl'],
  'perl-dev': ['libperl-dev', 'perl'],
  'perl-types-serialiser': ['libtypes-serialiser-perl'],
  'pkgconf-dev': ['pkgconf'],
  'posix-cc-wrappers': [],
  samurai: ['ninja-build'],
  scanelf: ['pax-utils'],
  soxr: [],
  texinfo: [],
  'wolfi-base': ['apk-tools', 'busybox', 'ca-certificates-bundle', 'wolfi-baselayout', 'wolfi-keys'],
  'wolfi-keys': [],
  xz: ['xz-utils'],
  zlib: ['zlib1g'],
  'zlib-dev': ['zlib1g-dev'],
};

/** Dependencies besides those that Debian knows. */
export const extraDepends: Readonly<Record<string, readonly string[]>> = {
  libc6: ['wolfi-baselayout'],
  'linux-libc-dev': ['wolfi-baselayout'],
  // Debian's busybox lacks what builds take for granted (install, find -delete, a tar that knows compression).
  busybox: ['coreutils', 'diffutils', 'findutils', 'grep', 'gzip', 'sed', 'tar'],
};

/** Links that Debian's maintainer scripts would make. */
export const alternativeLinks: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  gcc: { 'usr/bin/cc': 'gcc' },
  'g++': { 'usr/bin/c++': 'g++' },
  automake: { 'usr/bin/automake': 'automake-1.16', 'usr/bin/aclocal': 'aclocal-1.16' },
  'xz-utils': { 'usr/bin/lzma': 'xz', 'usr/bin/unlzma': 'xz', 'usr/bin/lzcat': 'xz' },
};

/** Source packages of Debian that hold, byte for byte, the upstream tarballs of these digests. */
export interface SourceTarball {
  readonly source: string;
  readonly file: string;
  readonly sha256: string;
}

export const sourceTarballs: readonly SourceTarball[] = [
  {
    source: 'zip',
    file: 'zip_3.0.orig.tar.gz',
    sha256: 'f0e8bb1f9b7eb0b01285495a2699df3a4b766784c1765a8f1aeedf63c0806369',
  },
  {
    source: 'libev',
    file: 'libev_4.33.orig.tar.gz',
    sha256: '507eb7b8d1015fbec5b935f34ebed15bf346bed04a11ab82b8eee848c4205aea',
  },
  {
    source: 'tinyxml',
    file: 'tinyxml_2.6.2.orig.tar.gz',
    sha256: '15bdfdcec58a7da30adc87ac2b078e4417dbe5392f3afb719f9ba6d062645593',
  },
  {
    source: 'libptytty',
    file: 'libptytty_2.0.orig.tar.gz',
    sha256: '8033ed3aadf28759660d4f11f2d7b030acf2a6890cb0f7926fb0cfa6739d31f7',
  },
  {
    source: 'libjson-xs-perl',
    file: 'libjson-xs-perl_4.040.orig.tar.gz',
    sha256: '8eff1e9f304c5625b59ab7b42258415f6d3e3681c1ddab6b725518a018a7f5e0',
  },
];
