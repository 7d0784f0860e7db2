import { control } from '@melange2/proto';
import type { CallOptions, Channel } from '../grpc/channel.ts';
import { statusDecoder, type VertexState } from '../status/status-decoder.ts';
import type { StatusEvent } from '../status/status-event.ts';

/** Follows the status of one build until it ends or is stopped. */
export interface StatusWatch {
  /** Settles when the stream has ended, for whatever reason. Never rejects. */
  readonly ended: Promise<void>;
  readonly vertices: () => readonly VertexState[];
  /** Lets the stream come to its end by itself, however much it still has to say, and ends it when it does not. */
  readonly finish: (patience: Patience) => Promise<void>;
}

/** How long is waited for the end of a status, in milliseconds. */
export interface Patience {
  /** After the last message. */
  readonly silentMs: number;
  /** While there was none at all: a status that the daemon refused to begin never ends. */
  readonly unheardMs?: number;
  /** In all. */
  readonly atMostMs?: number;
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
  let heardAtMs: number | undefined;
  const follow = async (): Promise<void> => {
    for (;;) {
      // A status that cannot be had is no reason to fail a build: Solve says how it ended.
      const next = await call.next().catch(() => undefined);
      if (next === undefined || next.done === true) return;
      heardAtMs = performance.now();
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
    vertices: decoder.vertices,
    async finish({ silentMs, unheardMs = silentMs, atMostMs = Number.POSITIVE_INFINITY }) {
      const startedMs = performance.now();
      let timer: NodeJS.Timeout | undefined;
      const given = new Promise<void>((resolve) => {
        const look = (): void => {
          const silentUntilMs =
            heardAtMs === undefined ? startedMs + unheardMs : Math.max(startedMs, heardAtMs) + silentMs;
          const leftMs = Math.min(silentUntilMs, startedMs + atMostMs) - performance.now();
          if (leftMs <= 0) resolve();
          else timer = setTimeout(look, leftMs);
        };
        look();
      });
      await Promise.race([ended, given]);
      clearTimeout(timer);
      call.cancel();
      await ended;
    },
  };
}
