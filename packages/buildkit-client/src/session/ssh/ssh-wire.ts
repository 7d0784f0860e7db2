/** A number as SSH writes it. */
export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Bytes with their length in front. */
export function sshBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}

/** Takes SSH's wire format apart. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  uint32(): number {
    if (this.rest < 4) throw new Error('it is cut off');
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  bytes(): Buffer {
    const length = this.uint32();
    if (this.rest < length) throw new Error('it is cut off');
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  text(): string {
    return this.bytes().toString('utf8');
  }
}
