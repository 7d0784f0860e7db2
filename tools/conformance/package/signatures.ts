import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { bytesSource, openPackage, parseSigningKey, signatureMember, signPackage } from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import type { Compare } from './comparison.ts';
import { isMissing } from './indexes.ts';

/** One signature over bytes, a package or an index. */
export interface SignCase {
  readonly name: string;
  readonly what: 'raw' | 'apk' | 'index' | 'index-force';
  readonly key?: string;
  readonly keyName?: string;
  readonly data?: string;
  readonly file?: string;
  readonly sourceDateEpoch?: number;
  readonly expect: {
    readonly error?: string;
    readonly signature?: string;
    readonly signatureName?: string;
    readonly member?: { readonly tar?: string };
  };
}

/** Makes every signature over bytes and packages and compares the member that holds it, byte by byte. */
export async function signatures(cases: readonly SignCase[], root: string, compare: Compare): Promise<void> {
  for (const one of cases) {
    if (one.key === undefined || one.what.startsWith('index')) continue;
    const row = `sign ${one.name}`;
    const key = one.key;
    const failed = await (async () => {
      const signer = parseSigningKey(readFileSync(join(root, key), 'utf8'), { file: one.keyName ?? key });
      let member: Uint8Array;
      if (one.what === 'raw') {
        member = await signatureMember(
          signer,
          Buffer.from(one.data ?? '', 'base64'),
          one.sourceDateEpoch ?? 0,
        );
      } else {
        const pkg = await openPackage(bytesSource(readFileSync(join(root, one.file ?? ''))), {
          file: one.file ?? '',
          checkData: false,
        });
        const parts: Uint8Array[] = [];
        for await (const part of signPackage(pkg, signer)) parts.push(part);
        member = parts[0] ?? new Uint8Array();
      }
      const tar = gunzipSync(member);
      compare(`${row} member`, tar.toString('base64'), one.expect.member?.tar);
      return undefined;
    })().catch((error: unknown) => error);
    if (failed !== undefined)
      compare(`${row} is refused`, isBuildError(failed) || isMissing(failed), one.expect.error !== undefined);
  }
}
