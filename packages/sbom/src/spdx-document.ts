/** An SPDX 2.3 document, keys in the order in which they are written. */
export interface SpdxDocument {
  readonly SPDXID: 'SPDXRef-DOCUMENT';
  readonly name: string;
  readonly spdxVersion: 'SPDX-2.3';
  readonly creationInfo: {
    readonly created: string;
    readonly creators: readonly string[];
  };
  readonly dataLicense: 'CC0-1.0';
  readonly documentNamespace: string;
  readonly documentDescribes: readonly string[];
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
  readonly hasExtractedLicensingInfos?: readonly SpdxExtractedLicense[];
}

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
  readonly filesAnalyzed: false;
  readonly licenseConcluded: string;
  readonly licenseDeclared: string;
  readonly description?: string;
  readonly downloadLocation: string;
  readonly originator: string;
  readonly supplier: string;
  readonly copyrightText?: string;
  readonly primaryPackagePurpose: 'OPERATING-SYSTEM' | 'APPLICATION' | 'INSTALL' | 'SOURCE';
  readonly checksums?: readonly SpdxChecksum[];
  readonly externalRefs?: readonly SpdxReference[];
}

export interface SpdxChecksum {
  readonly algorithm: 'SHA256' | 'SHA512';
  /** Hex. */
  readonly checksumValue: string;
}

export interface SpdxReference {
  readonly referenceCategory: 'PACKAGE-MANAGER' | 'SECURITY';
  readonly referenceLocator: string;
  readonly referenceType: 'purl' | 'cpe23Type';
}

export interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: 'DESCRIBED_BY' | 'GENERATED_FROM';
  readonly relatedSpdxElement: string;
}

export interface SpdxExtractedLicense {
  readonly licenseId: string;
  readonly extractedText: string;
}

/** Writes a document as it stands in a package: two blanks of indent, safe inside HTML, a line break at the end. */
export function formatSpdx(document: SpdxDocument): string {
  const json = JSON.stringify(document, undefined, 2);
  return `${json.replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
