import type { PackageConfig } from '@melange2/config';

export interface CompilerFilesOptions {
  /** As apk writes it: `x86_64`. */
  readonly architecture: string;
  /** The distribution, in the metadata of programs; `unknown` where none is known. */
  readonly namespace: string;
}

/**
 * Files for the workspace that make compilers note in each program which package it belongs to, by path below it.
 *
 * Nothing uses them by itself: the tool chains of distributions look for `.melange.gcc.spec` and
 * `.melange.clang.cfg` in `/home/build`; `.melange.fdo.h` can be included where neither is read.
 *
 * @see https://systemd.io/ELF_PACKAGE_METADATA/
 */
export function compilerFiles(
  config: PackageConfig,
  { architecture, namespace }: CompilerFilesOptions,
): Readonly<Record<string, string>> {
  const { name, version, epoch } = config.package;
  const cpe = cpeOf(config);
  // The files know no quoting: what could end a word or a group in them is left out.
  const note = JSON.stringify({
    type: 'apk',
    os: plain(namespace),
    name: plain(name),
    version: plain(`${version}-r${epoch}`),
    architecture: plain(architecture),
    ...(cpe === undefined ? {} : { appCpe: cpe }),
  });
  // The size of the data is a whole number of words, its end included.
  const size = Math.ceil((note.length + 1) / 4) * 4;
  return {
    '.melange.gcc.spec': `*link:\n+ %{!r:--package-metadata=${note}}\n`,
    '.melange.clang.cfg': `-Xlinker --package-metadata='${note}'\n`,
    '.melange.fdo.h': `#ifndef MELANGE_PACKAGE_NOTE
#define MELANGE_PACKAGE_NOTE
__attribute__((used, section(".note.package"), aligned(4))) static const struct {
  unsigned int name_size, data_size, type;
  char name[4];
  char data[${size}];
} melange_package_note = {4, ${size}, 0xcafe1a7e, "FDO", ${JSON.stringify(note)}};
#endif
`,
  };
}

function cpeOf({ package: { cpe, version } }: PackageConfig): string | undefined {
  if (cpe.vendor === '') return undefined;
  const { part, vendor, product, edition, language, swEdition, targetSw, targetHw, other } = cpe;
  const fields = [vendor, product, version, '', edition, language, swEdition, targetSw, targetHw, other];
  const text = ['cpe', '2.3', part === '' ? 'a' : part, ...fields.map((f) => (f === '' ? '*' : f))];
  return text.map((field) => (field === '*' ? field : plain(field))).join(':');
}

function plain(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._+~-]/g, '');
}
