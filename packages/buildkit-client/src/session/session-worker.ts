import { parentPort, type MessagePort } from 'node:worker_threads';
import { contentReaders } from './fsutil/content-reader.ts';
import { runSession, type SessionHere } from './run-session.ts';
import type { ExportSink, SessionHost } from './session-host.ts';
import {
  errorOf,
  recordOf,
  type FromWorker,
  type Question,
  type StartSession,
  type ToThread,
  type ToWorker,
} from './worker-messages.ts';

// The entry of the worker thread that serves sessions, one after the other; `session-threads` starts it. It does
// nothing elsewhere.

/** So much of an export may be under way to the caller's thread. */
const creditBytes = 8 << 20;

interface WorkerSink {
  credit: number;
  failure: Error | undefined;
  wake: (() => void) | undefined;
}

const readers = contentReaders();

parentPort?.on('message', (message: ToThread) => {
  if (message.type === 'start') void serve(message);
  else parentPort?.close();
});

/** Serves one session, which has a port of its own: what is still said of it when it is over reaches nobody. */
async function serve({ port, endpoint, identity, plan }: StartSession): Promise<void> {
  const abort = new AbortController();
  let running: SessionHere | undefined;
  const { host, hear } = hostBehind(port);
  const tell = (message: FromWorker): void => port.postMessage(message);
  port.on('message', (message: ToWorker) => {
    if (message.type !== 'close') {
      hear(message);
      return;
    }
    abort.abort(new Error('The session was closed.'));
    running?.close();
  });
  try {
    running = await runSession(
      endpoint,
      identity,
      plan,
      plan.transfers ? { ...host, transferred: (transfer) => tell({ type: 'transfer', transfer }) } : host,
      (error) => tell({ type: 'failure', error: recordOf(error) }),
      abort.signal,
      readers,
    );
  } catch (cause) {
    tell({ type: 'notOffered', error: recordOf(cause) });
    port.close();
    return;
  }
  tell({ type: 'offered', methods: running.methods });
  const reason = await running.closed;
  tell({
    type: 'closed',
    reason: reason === undefined ? undefined : recordOf(reason),
    isIdle: running.isIdle(),
  });
  port.close();
}

/** The host as it is reached from here, and what has to hear all that the caller's thread says to it. */
function hostBehind(port: MessagePort): {
  readonly host: SessionHost;
  readonly hear: (message: Exclude<ToWorker, { type: 'close' }>) => void;
} {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const sinks = new Map<number, WorkerSink>();
  let numbers = 0;

  const tell = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);

  const ask = <T>(question: Question): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const number = ++numbers;
      waiting.set(number, { resolve, reject });
      tell({ type: 'question', question: number, ...question });
    });

  const openExport = (index: number, metadata: Readonly<Record<string, string>>): ExportSink => {
    const number = ++numbers;
    const sink: WorkerSink = { credit: creditBytes, failure: undefined, wake: undefined };
    sinks.set(number, sink);
    tell({ type: 'openExport', sink: number, index, metadata });
    return {
      async write(bytes) {
        while (sink.credit <= 0 && sink.failure === undefined)
          await new Promise<void>((resolve) => {
            sink.wake = resolve;
          });
        if (sink.failure !== undefined) throw sink.failure;
        sink.credit -= bytes.length;
        const { buffer } = bytes;
        tell({ type: 'write', sink: number, bytes }, buffer instanceof ArrayBuffer ? [buffer] : []);
      },
      async end() {
        await ask({ what: 'endExport', args: [number] });
        sinks.delete(number);
      },
      abort(reason) {
        sinks.delete(number);
        tell({ type: 'abortExport', sink: number, error: recordOf(reason) });
      },
    };
  };

  async function* pulled(upload: number): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const bytes = await ask<Uint8Array | undefined>({ what: 'pullUpload', args: [upload] });
        if (bytes === undefined) return;
        yield bytes;
      }
    } finally {
      tell({ type: 'closeUpload', upload });
    }
  }

  const host: SessionHost = {
    secret: (id) => ask({ what: 'secret', args: [id] }),
    credentials: (registry) => ask({ what: 'credentials', args: [registry] }),
    async upload(id) {
      const number = ++numbers;
      await ask({ what: 'openUpload', args: [id, number] });
      return pulled(number);
    },
    openExport,
    checkPolicy: (request) => ask({ what: 'checkPolicy', args: [request] }),
    findExporters: (metadata, refs) => ask({ what: 'findExporters', args: [metadata, refs] }),
    finalizeExport: (response) => ask({ what: 'finalizeExport', args: [response] }),
    transferred: () => {},
  };

  const hear = (message: Exclude<ToWorker, { type: 'close' }>): void => {
    switch (message.type) {
      case 'answer':
        waiting.get(message.question)?.resolve(message.value as never);
        waiting.delete(message.question);
        break;
      case 'refusal':
        waiting.get(message.question)?.reject(errorOf(message.error));
        waiting.delete(message.question);
        break;
      case 'taken': {
        const sink = sinks.get(message.sink);
        if (sink === undefined) break;
        sink.credit += message.bytes;
        sink.wake?.();
        break;
      }
      case 'sinkFailed': {
        const sink = sinks.get(message.sink);
        if (sink === undefined) break;
        sink.failure = errorOf(message.error);
        sink.wake?.();
        break;
      }
    }
  };
  return { host, hear };
}
