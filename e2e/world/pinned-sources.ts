/** An upstream tarball that a source package of Debian holds byte for byte. */
export interface SourceTarball {
  readonly source: string;
  readonly file: string;
  readonly sha256: string;
}

/** The tarballs that examples and the first recipes pin. */
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

/** The tarballs of further recipes, which only their tests fetch. */
export const moreSourceTarballs: readonly SourceTarball[] = [
  {
    source: 'cppunit',
    file: 'cppunit_1.15.1.orig.tar.gz',
    sha256: '89c5c6665337f56fd2db36bc3805a5619709d51fb136e51937072f63fcc717a7',
  },
  {
    source: 'judy',
    file: 'judy_1.0.5.orig.tar.gz',
    sha256: 'd2704089f85fdb6f2cd7e77be21170ced4b4375c03ef1ad4cf1075bd414a63eb',
  },
  {
    source: 'lzo2',
    file: 'lzo2_2.10.orig.tar.gz',
    sha256: 'c0f892943208266f9b6543b3ae308fab6284c5c90e627931446fb49b4221a072',
  },
  {
    source: 'libfile-fcntllock-perl',
    file: 'libfile-fcntllock-perl_0.22.orig.tar.gz',
    sha256: '9a9abb2efff93ab73741a128d3f700e525273546c15d04e7c51c704ab09dbcdf',
  },
  {
    source: 'libperlio-gzip-perl',
    file: 'libperlio-gzip-perl_0.20.orig.tar.gz',
    sha256: '4848679a3f201e3f3b0c5f6f9526e602af52923ffa471a2a3657db786bd3bdc5',
  },
  {
    source: 'potrace',
    file: 'potrace_1.16.orig.tar.gz',
    sha256: 'be8248a17dedd6ccbaab2fcc45835bb0502d062e40fbded3bc56028ce5eb7acc',
  },
  {
    source: 'unzip',
    file: 'unzip_6.0.orig.tar.gz',
    sha256: '036d96991646d0449ed0aa952e4fbe21b476ce994abc276e49d30e686708bd37',
  },
];
