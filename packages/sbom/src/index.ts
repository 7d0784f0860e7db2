export { apkPurl, describePackage, formatCpe, sbomPath } from './describe-package.ts';
export type { DescribePackageOptions } from './describe-package.ts';
export { formatSpdx } from './spdx-document.ts';
export type {
  SpdxChecksum,
  SpdxDocument,
  SpdxExtractedLicense,
  SpdxPackage,
  SpdxReference,
  SpdxRelationship,
} from './spdx-document.ts';
export { sourcePackage, sourceSteps } from './source-package.ts';
export type { SourceStep, StepWithChildren } from './source-package.ts';
export { isLicenseExpression, spdxLicense } from './license-expression.ts';
export { formatPurl } from './purl.ts';
export type { PackageUrl } from './purl.ts';
export { organisation, sanitise, spdxId } from './spdx-names.ts';
