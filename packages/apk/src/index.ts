export { parseVersion, isValidVersion, compareVersions, versionStartsWith } from './version.ts';
export type { Version, VersionToken, VersionTokenKind } from './version.ts';
export { parseConstraint, parseWorldEntry, formatConstraint, versionMatches } from './constraint.ts';
export type { Constraint, ConstraintOperator, MatchOptions } from './constraint.ts';
export { compareBytes, comparePaths, decodePath, encodePath } from './path-text.ts';
export { CHECKSUM_RECORD, paxValue, tarHeader, XATTR_PREFIX, xattrsOf } from './tar-header.ts';
export type { PaxRecord, TarEntryType, TarHeader } from './tar-header.ts';
export { formatPaxRecords, formatTarHeader, tarEnd, tarPadding } from './format-tar-header.ts';
export { parsePaxRecords, readTar } from './read-tar.ts';
export type { ReadTarOptions, TarEndReport, TarEntry } from './read-tar.ts';
export { writeTar } from './write-tar.ts';
export type { TarInput, WriteTarOptions } from './write-tar.ts';
export { gzipParallel } from './gzip-parallel.ts';
export type { GzipOptions } from './gzip-parallel.ts';
export { readGzipMembers } from './gzip-members.ts';
export type { GzipMember, ReadGzipMembersOptions } from './gzip-members.ts';
export type { ByteStream } from './byte-queue.ts';
export { errors } from './errors.ts';
export { formatPackageInfo, packageInfo, parsePackageInfo, sortedUnique } from './package-info.ts';
export type { PackageInfo } from './package-info.ts';
export { bytesSource, readRange } from './byte-source.ts';
export type { ByteSource } from './byte-source.ts';
export { openPackage, packageData, packageEntries, readPackage } from './open-package.ts';
export type {
  ApkPackage,
  ControlFile,
  DataMember,
  OpenPackageOptions,
  PackageMember,
} from './open-package.ts';
export { parseSignatureName, verifySignatures } from './signature.ts';
export type { Keyring, Signature, SignatureAlgorithm } from './signature.ts';
export { createKeyPair, minimumKeyBits, parseKeyring, parseSigningKey } from './keys.ts';
export type { KeyPair, ParseSigningKeyOptions, SigningKey } from './keys.ts';
export { signatureMember } from './signature-member.ts';
export { formatIndex, indexRecordOf, mergeRecords, parseIndex, sortRecords } from './repository-index.ts';
export type { IndexRecord } from './repository-index.ts';
export { readIndex, signIndex, writeIndex } from './index-archive.ts';
export type { ReadIndexOptions, RepositoryIndex, WriteIndexOptions } from './index-archive.ts';
export { formatInstalled, parseInstalled } from './installed-database.ts';
export type {
  InstalledDirectory,
  InstalledFile,
  InstalledOwner,
  InstalledRecord,
} from './installed-database.ts';
export { CAPABILITY_XATTR, packageTree } from './package-tree.ts';
export type { PackageTree, TreeEntry } from './package-tree.ts';
export { dataMember, directoryBytes, installedSize, memorySpool, writePackage } from './write-package.ts';
export type { Spool, WritePackageOptions, WrittenPackage } from './write-package.ts';
export { signPackage } from './sign-package.ts';
