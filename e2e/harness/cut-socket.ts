import { createServer, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A way to a daemon that can be cut. */
export interface CutSocket {
  readonly address: string;
  /** Ends all connections at once, in the middle of whatever is on them, and takes no more. */
  readonly cut: () => void;
}

/** Puts a socket in `dir` before the one of a daemon. */
export async function cutSocket(dir: string, address: string): Promise<CutSocket> {
  const [, scheme = '', target = ''] = /^((?:docker\+)?unix:\/\/)(.*)$/.exec(address) ?? [];
  const path = join(dir, 'cut.sock');
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const cut = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  onTestFinished(cut);
  return { address: `${scheme}${path}`, cut };
}
