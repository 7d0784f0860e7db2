import { zstdDecompressSync } from 'node:zlib';
import { readGzipMembers } from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import { unxz } from './unxz.ts';

const pattern = /^[0-9][0-9.\-_A-Za-z]*/;

/** Most that a kernel or a module may unpack to. */
const maxBytes = 1024 * 1024 * 1024;

/**
 * Finds the version of a Linux kernel in its image: a bzImage, a plain or gzipped vmlinux, an ARM zImage, or a
 * unified kernel image. Undefined when the file is none of these.
 */
export async function findKernelVersion(bytes: Uint8Array): Promise<string | undefined> {
  const whole = buffer(bytes);
  const image = (await gunzip(whole)) ?? peSection(whole, '.linux') ?? whole;
  const boot = bzImageVersion(image);
  if (boot !== undefined) return boot;
  const packed = image.indexOf(Buffer.of(0x1f, 0x8b, 0x08));
  const inner = packed > 0 ? await gunzip(image.subarray(packed)) : undefined;
  return (inner && bannerVersion(inner)) ?? bannerVersion(image);
}

/**
 * Finds the version of the kernel that a module was built for, packed with gzip, xz or zstd or not at all.
 *
 * @throws {XzDamaged} when it is packed with xz in a way that is not known here.
 */
export async function findModuleVersion(bytes: Uint8Array): Promise<string | undefined> {
  const packed = buffer(bytes);
  let module = packed;
  if (packed.toString('hex', 0, 6) === 'fd377a585a00') module = buffer(unxz(packed, maxBytes));
  else if (packed.toString('hex', 0, 4) === '28b52ffd') module = unzstd(packed) ?? packed;
  else module = (await gunzip(packed)) ?? packed;
  const at = module.indexOf('vermagic=');
  return at < 0 ? undefined : versionAt(module, at + 'vermagic='.length);
}

function bzImageVersion(image: Buffer): string | undefined {
  if (image.length < 530 || image.toString('latin1', 514, 518) !== 'HdrS') return undefined;
  const pointer = image.readUInt16LE(526);
  return pointer === 0 ? undefined : versionAt(image, pointer + 0x200);
}

function bannerVersion(image: Buffer): string | undefined {
  const banner = 'Linux version ';
  for (let at = image.indexOf(banner); at >= 0; at = image.indexOf(banner, at + 1)) {
    const version = versionAt(image, at + banner.length);
    if (version !== undefined) return version;
  }
  return undefined;
}

function versionAt(bytes: Buffer, at: number): string | undefined {
  return pattern.exec(
    bytes
      .toString('latin1', at, at + 256)
      .split(/[\0\n]/, 1)[0]
      ?.trim() ?? '',
  )?.[0];
}

function peSection(image: Buffer, name: string): Buffer | undefined {
  if (image.length < 64 || image.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const header = image.readUInt32LE(60);
  if (header + 24 > image.length || image.toString('latin1', header, header + 4) !== 'PE\0\0')
    return undefined;
  const count = image.readUInt16LE(header + 6);
  const table = header + 24 + image.readUInt16LE(header + 20);
  for (let i = 0; i < count; i++) {
    const at = table + i * 40;
    if (at + 40 > image.length) return undefined;
    if (image.toString('latin1', at, at + 8).replace(/\0+$/, '') !== name) continue;
    const offset = image.readUInt32LE(at + 20);
    return image.subarray(offset, offset + Math.min(image.readUInt32LE(at + 8), image.readUInt32LE(at + 16)));
  }
  return undefined;
}

/** Unpacks the first gzip member, whatever follows it; undefined when there is none, or it is damaged. */
async function gunzip(bytes: Buffer): Promise<Buffer | undefined> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return undefined;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const member of readGzipMembers([bytes])) {
      for await (const part of member.content) {
        length += part.length;
        if (length > maxBytes) return undefined;
        parts.push(part);
      }
      break;
    }
  } catch (error) {
    // An image may begin with any bytes, also with those of gzip.
    if (isBuildError(error)) return undefined;
    throw error;
  }
  return Buffer.concat(parts);
}

function unzstd(bytes: Buffer): Buffer | undefined {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: maxBytes });
  } catch {
    return undefined;
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
