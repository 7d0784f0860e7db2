import { encode, filesync, fsutil, type Init } from '@melange2/proto';
import { packetType, readPacket } from '../fsutil/packet.ts';
import type { FakePeer, PeerStatus } from './fake-peer.ts';

/** What a receiving daemon has got. */
export interface ReceivedTree {
  readonly stats: readonly fsutil.Stat[];
  /** By path. */
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly status: PeerStatus;
  /** The text of the error packet, if one came. */
  readonly error: string | undefined;
}

/** Receives a tree as a daemon does; `wants` says which regular files it asks for. */
export async function receiveAsDaemon(
  peer: FakePeer,
  metadata: Readonly<Record<string, string | readonly string[]>>,
  wants: (stat: fsutil.Stat) => boolean = () => true,
): Promise<ReceivedTree> {
  const call = peer.call(filesync.FileSync.methods.DiffCopy.path, metadata);
  const stats: fsutil.Stat[] = [];
  const contents = new Map<string, Buffer>();
  const open = new Map<number, { path: string; parts: Buffer[] }>();
  let listed = false;
  let error: string | undefined;
  for (;;) {
    const message = await call.next();
    if (message === undefined) break;
    const packet = readPacket(message);
    if (packet.type === packetType.stat) {
      if (packet.stat === undefined) listed = true;
      else {
        const id = stats.length;
        stats.push(packet.stat);
        if (isFile(packet.stat) && wants(packet.stat)) {
          open.set(id, { path: packet.stat.path, parts: [] });
          call.send(bytes({ type: packetType.request, ID: id }));
        }
      }
    } else if (packet.type === packetType.data) {
      const file = open.get(packet.id)!;
      if (packet.data === undefined || packet.data.length === 0) {
        contents.set(file.path, Buffer.concat(file.parts));
        open.delete(packet.id);
      } else file.parts.push(Buffer.from(packet.data));
    } else if (packet.type === packetType.error) error = packet.data?.toString('utf8');
    else if (packet.type === packetType.fin) call.end();
    if (listed && open.size === 0) {
      listed = false;
      call.send(bytes({ type: packetType.fin }));
    }
  }
  return { stats, contents, status: await call.status, error };
}

function isFile(stat: fsutil.Stat): boolean {
  return (stat.mode & 0x8f280000) === 0 && stat.linkname === '';
}

/** A file that a sending daemon has. */
export interface SentFile {
  readonly stat: Init<fsutil.Stat>;
  readonly data?: Uint8Array;
}

/** Sends a tree as a daemon does. */
export async function sendAsDaemon(
  peer: FakePeer,
  files: readonly SentFile[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<{
  readonly status: PeerStatus;
  readonly error: string | undefined;
  readonly requested: readonly string[];
}> {
  const call = peer.call(filesync.FileSend.methods.DiffCopy.path, metadata);
  for (const { stat } of files) call.send(bytes({ type: packetType.stat, stat }));
  call.send(bytes({ type: packetType.stat }));
  const requested: string[] = [];
  let error: string | undefined;
  for (;;) {
    const message = await call.next();
    if (message === undefined) break;
    const packet = readPacket(message);
    if (packet.type === packetType.request) {
      const file = files[packet.id]!;
      requested.push(file.stat.path ?? '');
      if (file.data !== undefined && file.data.length > 0)
        call.send(bytes({ type: packetType.data, ID: packet.id, data: file.data }));
      call.send(bytes({ type: packetType.data, ID: packet.id }));
    } else if (packet.type === packetType.fin) {
      call.send(bytes({ type: packetType.fin }));
      call.end();
    } else if (packet.type === packetType.error) error = packet.data?.toString('utf8');
  }
  return { status: await call.status, error, requested };
}

/** Encodes a packet by the general encoder, not by the one under test. */
export function bytes(packet: Init<fsutil.Packet>): Uint8Array {
  return encode(fsutil.Packet, packet);
}
