import { control } from '@melange2/proto';
import type { CallOptions, Channel } from '../grpc/channel.ts';
import { statusDecoder, type VertexState } from '../status/status-decoder.ts';
import type { StatusEvent } from '../status/status-event.ts';

/** Follows the status of one build until it ends or is stopped. */
export interface StatusWatch {
  /** Settles when the stream has ended, for whatever reason. Never rejects. */
  readonly ended: Promise<void>;
  /** True when the daemon has said anything. */
  readonly heard: () => boolean;
  readonly vertices: () => readonly VertexState[];
  /** Gives the stream this long to end by itself, then ends it. */
  readonly finish: (withinMs: number) => Promise<void>;
}

/** Starts to follow; a failure in `onEvent` is handed to `onBroken` and ends the stream. */
export function watchStatus(
  channel: Channel,
  ref: string,
  onEvent: ((event: StatusEvent) => void) | undefined,
  onBroken: (cause: unknown) => void,
  options: CallOptions = {},
): StatusWatch {
  const decoder = statusDecoder();
  const call = channel.serverStream(control.Control.methods.Status, { Ref: ref }, options);
  let heard = false;
  const follow = async (): Promise<void> => {
    for (;;) {
      // A status that cannot be had is no reason to fail a build: Solve says how it ended.
      const next = await call.next().catch(() => undefined);
      if (next === undefined || next.done === true) return;
      heard = true;
      for (const event of decoder.push(next.value)) {
        try {
          onEvent?.(event);
        } catch (cause) {
          call.cancel();
          onBroken(cause);
          return;
        }
      }
    }
  };
  const ended = follow();
  return {
    ended,
    heard: () => heard,
    vertices: decoder.vertices,
    async finish(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        ended,
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, withinMs);
        }),
      ]);
      clearTimeout(timer);
      call.cancel();
      await ended;
    },
  };
}
