import { createServer, type Socket } from 'node:net';
import { filesync } from '@melange2/proto';
import { PacketBuffer, packetType } from '../../packages/buildkit-client/src/session/fsutil/packet.ts';
import { isRegular } from '../../packages/buildkit-client/src/session/fsutil/go-mode.ts';
import { callSession, framesOf, type DaemonCall } from './daemon-call.ts';

// The other end of the benchmarks, in a process of its own: PATH WORK, where WORK is one of
//   count      takes bytes from a socket and throws them away
//   cat        sends 500 MB through a socket
//   all, none  takes the place of a Docker engine whose build reads a folder: all of it, or nothing new
//   tar        the same with an export of 500 MB
const [path, work] = process.argv.slice(2) as [string, string];
const exportBytes = 500 << 20;

const server = createServer((socket) => {
  socket.on('error', () => {});
  if (work === 'count') {
    socket.on('data', () => {});
    socket.on('end', () => socket.end('done'));
  } else if (work === 'cat') cat(socket);
  else upgrade(socket);
});
server.listen(path, () => process.send?.('ready'));
process.on('disconnect', () => process.exit());

function cat(socket: Socket): void {
  const chunk = Buffer.alloc(64 << 10, 1);
  let left = exportBytes;
  const more = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}

function upgrade(socket: Socket): void {
  let head = '';
  const take = (chunk: Buffer): void => {
    head += chunk.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', take);
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const said = work === 'tar' ? sendTar(socket) : receive(socket, work === 'all');
    void said.then((text) => process.send?.(text));
  };
  socket.on('data', take);
}

async function receive(socket: Socket, all: boolean): Promise<string> {
  const started = performance.now();
  const out = new PacketBuffer(64);
  let id = 0;
  let open = 0;
  let listed = false;
  let told = false;
  let received = 0;
  // Stats are read whole, of data only how it begins.
  const begin = Buffer.alloc(8192);
  let length = 0;
  let got = 0;
  const send = (): void => {
    const message = out.take();
    void call.send(framesOf(Buffer.from(message)), message.length);
  };
  const take = (data: Buffer): void => {
    let at = 0;
    while (at < data.length) {
      const whole = 5 + length;
      const wanted = got < 5 ? 5 - got : whole - got;
      const part = Math.min(wanted, data.length - at);
      if (got < begin.length) data.copy(begin, got, at, Math.min(at + part, at + begin.length - got));
      at += part;
      got += part;
      if (got === 5 && length === 0) length = begin.readUInt32BE(1);
      if (got < 5 + length) continue;
      message(begin.subarray(5, Math.min(got, begin.length)), length);
      got = 0;
      length = 0;
    }
    if (out.length > 0) send();
    if (listed && open === 0 && !told) {
      told = true;
      out.fin();
      send();
    }
  };
  const message = (bytes: Buffer, size: number): void => {
    if (size === 0) listed = true;
    else if (bytes[0] === 0x12) {
      if (all && isRegular(modeOf(bytes))) {
        open++;
        out.request(id);
      }
      id++;
    } else if (bytes[1] === packetType.data) {
      if (size < 16) open--;
      else received += size - 8;
    } else if (bytes[1] === packetType.error) throw new Error(bytes.toString());
    else call.end();
  };
  const call: DaemonCall = callSession(
    socket,
    filesync.FileSync.methods.DiffCopy.path,
    { 'dir-name': 'src' },
    take,
  );
  await call.ended;
  return JSON.stringify({ ms: performance.now() - started, entries: id, received, done: told });
}

/** The mode stands behind the path. */
function modeOf(message: Buffer): number {
  let at = 1;
  while (message[at++]! >= 128);
  const pathBytes = message[at + 1]!;
  at += 2 + pathBytes + 1;
  let mode = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = message[at++]!;
    mode += (byte & 0x7f) * scale;
    if (byte < 128) return mode;
  }
}

async function sendTar(socket: Socket): Promise<string> {
  const started = performance.now();
  const { send, end, ended } = callSession(socket, filesync.FileSend.methods.DiffCopy.path, {}, () => {});
  // Daemons send 32 KiB a message.
  const message = Buffer.concat([
    Buffer.from([0, 0, 0, 0x80, 4, 0x0a, 0x80, 0x80, 2]),
    Buffer.alloc(32 << 10, 1),
  ]);
  const block = Buffer.concat([message, message, message, message]);
  const frames = framesOf(block);
  for (let sent = 0; sent < exportBytes; sent += 128 << 10) await send(frames, block.length);
  end();
  await ended;
  return JSON.stringify({ ms: performance.now() - started });
}
