import type { ByteSource } from '@melange2/apk';
import type { ElfFile } from './elf.ts';

/** What a Go program says about how it was built. */
export interface GoBuildInfo {
  /** Version of the tool chain, such as `go1.26.0`. */
  readonly version: string;
  /** The `build` lines: `CGO_ENABLED`, `GOEXPERIMENT`, `-tags` and so on. */
  readonly settings: ReadonlyMap<string, string>;
}

const magic = Buffer.from('\xff Go buildinf:', 'latin1');
const PF_W = 2;
/** How far into the data the marker is looked for when no section names its place. */
const searchBytes = 1024 * 1024;
const inlineStrings = 2;

/**
 * Reads the build information of a Go program; undefined when there is none.
 *
 * Only the form that Go writes since 1.18 is read, with its texts in place.
 *
 * @see https://pkg.go.dev/debug/buildinfo
 */
export async function readGoBuildInfo(source: ByteSource, elf: ElfFile): Promise<GoBuildInfo | undefined> {
  const place =
    elf.sections.find((s) => s.name === '.go.buildinfo') ??
    elf.segments
      .filter((s) => s.type === 1 && (s.flags & PF_W) !== 0)
      .map((s) => ({ offset: s.offset, size: s.fileSize }))[0];
  if (place === undefined) return undefined;
  const length = Math.min(place.size, searchBytes, Math.max(0, source.size - place.offset));
  const bytes = Buffer.from(await source.read(place.offset, length));
  let at = bytes.indexOf(magic);
  while (at >= 0 && at % 16 !== 0) at = bytes.indexOf(magic, at + 1);
  if (at < 0 || at + 32 > bytes.length || ((bytes[at + 15] ?? 0) & inlineStrings) === 0) return undefined;
  const version = varText(bytes, at + 32);
  const module = version && varText(bytes, version.end);
  if (version === undefined || module === undefined) return undefined;
  // The text lies between two marks of 16 bytes each.
  const text = module.text.length >= 33 ? module.text.slice(16, -16) : '';
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^build\t(?:"([^"]*)"|([^=]*))=(?:"(.*)"|(.*))$/.exec(line);
    if (match !== null) settings.set(match[1] ?? match[2] ?? '', match[3] ?? match[4] ?? '');
  }
  return { version: version.text, settings };
}

function varText(bytes: Buffer, from: number): { text: string; end: number } | undefined {
  let length = 0;
  let shift = 1;
  for (let at = from; at < bytes.length && at < from + 5; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * shift;
    shift *= 128;
    if ((byte & 0x80) === 0) {
      const end = at + 1 + length;
      return end > bytes.length ? undefined : { text: bytes.toString('latin1', at + 1, end), end };
    }
  }
  return undefined;
}
