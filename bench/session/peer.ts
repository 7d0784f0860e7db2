import { createServer, type Socket } from 'node:net';
import { filesync } from '@melange2/proto';
import { frame } from '../../packages/buildkit-client/src/grpc/message-frames.ts';
import {
  PacketBuffer,
  packetType,
  readPacket,
} from '../../packages/buildkit-client/src/session/fsutil/packet.ts';
import { isRegular } from '../../packages/buildkit-client/src/session/fsutil/go-mode.ts';
import { fakePeer, type FakePeer } from '../../packages/buildkit-client/src/session/testing/fake-peer.ts';
import { bytes } from '../../packages/buildkit-client/src/session/testing/fake-sync.ts';

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
    socket.pause();
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const peer = fakePeer(socket);
    const done = (text: string): void => void process.send?.(text);
    if (work === 'tar') sendTar(peer, done);
    else void receive(peer, work === 'all').then(done);
  };
  socket.on('data', take);
}

async function receive(peer: FakePeer, all: boolean): Promise<string> {
  const started = performance.now();
  const call = peer.call(filesync.FileSync.methods.DiffCopy.path, { 'dir-name': 'src' });
  const out = new PacketBuffer(64);
  let id = 0;
  let open = 0;
  let listed = false;
  let received = 0;
  for (;;) {
    const message = await call.next();
    if (message === undefined) break;
    // Stats and data are the bulk; taking them apart would be the daemon's work.
    if (message.length === 0) listed = true;
    else if (message[0] === 0x12) {
      if (all && isRegular(modeOf(message))) {
        open++;
        out.request(id);
        call.sendRaw(out.take());
      }
      id++;
    } else if (message[1] === packetType.data) {
      if (message.length < 16) open--;
      else received += message.length - 8;
    } else {
      const packet = readPacket(message);
      if (packet.type === packetType.error) throw new Error(packet.data?.toString());
      call.end();
    }
    if (listed && open === 0) {
      listed = false;
      call.send(bytes({ type: packetType.fin }));
    }
  }
  const { code } = await call.status;
  return JSON.stringify({ ms: performance.now() - started, entries: id, received, code });
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

function sendTar(peer: FakePeer, done: (text: string) => void): void {
  const started = performance.now();
  const stream = peer.http2.request({
    ':method': 'POST',
    ':path': filesync.FileSend.methods.DiffCopy.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  // Daemons send 32 KiB a message.
  const data = Buffer.alloc(32 << 10, 1);
  const message = frame(Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x02]), data]));
  // A daemon in Go sends them at less cost than Node does; several at once make up for it.
  const batch = Buffer.concat(Array.from({ length: 16 }, () => message));
  let left = exportBytes;
  const more = (): void => {
    while (left > 0) {
      left -= data.length * 16;
      if (!stream.write(batch)) {
        stream.once('drain', more);
        return;
      }
    }
    stream.end();
  };
  stream.resume();
  stream.on('close', () => done(JSON.stringify({ ms: performance.now() - started })));
  more();
}
