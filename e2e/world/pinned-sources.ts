/** An upstream tarball that a source package of Debian holds byte for byte. */
export interface SourceTarball {
  readonly source: string;
  readonly file: string;
  readonly sha256: string;
}

/** The tarballs that recipes and examples pin. */
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
