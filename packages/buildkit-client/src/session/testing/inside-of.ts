import { Duplex } from 'node:stream';
import { control, decode, encode } from '@melange2/proto';
import type { FakeCall } from '../../testing/fake-daemon.ts';

/** What the session says inside of the call, as a stream of bytes. */
export function insideOf(call: FakeCall): Duplex {
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      call.send(encode(control.BytesMessage, { data: chunk }));
      done();
    },
    destroy(error, done) {
      call.stream.close();
      done(error);
    },
  });
  void (async () => {
    for await (const message of call.requests) {
      const { data } = decode(control.BytesMessage, message);
      duplex.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
    duplex.push(null);
  })().catch(() => duplex.destroy());
  return duplex;
}
