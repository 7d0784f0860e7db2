import { basePackages } from './base-packages.ts';
import { auditableCargo, npmTree } from './toolchain-trees.ts';
import type { WorldSet } from './world-set.ts';

const lib = `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

/** The tool chains of other languages than C, and what else the built-in pipelines run. */
export const toolchainPackages: WorldSet = {
  name: 'toolchains',
  on: basePackages,
  rootPackages: [
    'cargo',
    'clang-14',
    'git',
    'golang-go',
    'jq',
    'libclang-rt-14-dev',
    'llvm-14',
    'meson',
    'nodejs',
    'php8.2-dev',
    'python3',
    'python3-build',
    'python3-installer',
    'python3-setuptools',
    'python3-venv',
    'python3-wheel',
    'python3-wheel-whl',
    'r-base-core',
    'ruby',
    'rustc',
  ],
  omitted:
    /^(adduser|base-files|ca-certificates|debconf|debhelper|debianutils|dh-.*|dpkg|dpkg-dev|init-system-helpers|libdpkg-perl|libfile-find-rule-perl|libnumber-compare-perl|libtext-glob-perl|media-types|passwd|perl-openssl-defaults|psmisc|python3-pyelftools|rake|sgml-base|sysvinit-utils|ucf|usrmerge|xdg-utils)$/,
  wolfiNames: {
    R: ['r-base-core'],
    'R-dev': [],
    'R-doc': [],
    'cmake-3': ['cmake'],
    'gcc-14-default': ['gcc'],
    go: ['golang-go'],
    'py3-build': ['python3-build', 'python3-venv'],
    'py3-installer': ['python3-installer'],
    'py3-setuptools': ['python3-setuptools'],
    rust: ['cargo', 'rustc'],
  },
  // Its program is a script of bash.
  extraDepends: { 'r-base-core': ['bash'] },
  alternativeLinks: {
    'clang-14': { 'usr/bin/clang': 'clang-14' },
    libblas3: { [`${lib}/libblas.so.3`]: 'blas/libblas.so.3' },
    liblapack3: { [`${lib}/liblapack.so.3`]: 'lapack/liblapack.so.3' },
    'llvm-14': {
      'usr/bin/llvm-cov': 'llvm-cov-14',
      'usr/bin/llvm-profdata': 'llvm-profdata-14',
    },
    'php8.2-cli': { 'usr/bin/php': 'php8.2' },
    'php8.2-dev': {
      'usr/bin/php-config': 'php-config8.2',
      'usr/bin/phpize': 'phpize8.2',
      // Where phpize looks when there is no dpkg to ask.
      'usr/share/libtool/config': 'build-aux',
    },
    'r-base-core': { 'etc/R/Renviron': '/usr/lib/R/etc/Renviron.ucf' },
  },
  ownPackages: [
    {
      name: 'cargo-auditable',
      depends: ['cargo'],
      description: 'Stands for cargo-auditable, which Debian 12 lacks: passes on to cargo',
      read: auditableCargo,
    },
    { name: 'npm', depends: ['nodejs'], description: 'npm, from its own package', read: npmTree },
  ],
};
