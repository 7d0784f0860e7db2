import { MessageChannel, Worker } from 'node:worker_threads';
import { asError } from '../as-error.ts';
import type { Endpoint } from '../endpoint.ts';
import type { RunningSession, SessionIdentity } from './run-session.ts';
import type { ExportSink, SessionHost, SessionPlan } from './session-host.ts';
import {
  errorOf,
  refusalOf,
  type FromWorker,
  type Question,
  type ToThread,
  type ToWorker,
} from './worker-messages.ts';

/** The threads in which the sessions of one owner run: each session in one of its own. */
export interface SessionThreads {
  /**
   * Offers a session to the daemon and serves it from a thread. `no worker` where the entry of threads is missing.
   *
   * @throws {ConnectionError} when the daemon cannot be reached; the signal's reason when it aborts meanwhile.
   */
  readonly run: (
    endpoint: Endpoint,
    identity: SessionIdentity,
    plan: SessionPlan,
    host: SessionHost,
    failed: (error: unknown) => void,
    signal: AbortSignal | undefined,
  ) => Promise<RunningSession | 'no worker'>;
  /**
   * Starts the thread of the next session ahead, which takes longer than all that comes then. It does not keep the
   * process alive before it is used.
   */
  readonly prepare: () => void;
  /** Ends the thread that no session uses, and each of the others when its session ends. */
  readonly close: () => void;
}

/**
 * Keeps the thread of a session that has ended for the next one: it is there at once, and what has run in it runs
 * twice as fast again.
 */
export function sessionThreads(): SessionThreads {
  let free: Worker | undefined;
  let closed = false;
  const forget = (): void => {
    free = undefined;
  };
  const keep = (worker: Worker): boolean => {
    if (closed || free !== undefined) return false;
    free = worker;
    worker.unref();
    // Whether threads can be had at all shows again, and is dealt with, when a session is opened.
    worker.on('error', forget);
    worker.on('exit', forget);
    return true;
  };
  const take = (): Worker => {
    const worker = free;
    if (worker === undefined) return startWorker();
    free = undefined;
    worker.off('error', forget);
    worker.off('exit', forget);
    worker.ref();
    return worker;
  };
  return {
    run: (...session) => runInWorker(take(), keep, ...session),
    prepare() {
      if (free === undefined && !closed) keep(startWorker());
    },
    close() {
      closed = true;
      void free?.terminate();
      // It still runs for a moment, and must not be taken in it.
      free = undefined;
    },
  };
}

/** The entry of the worker: beside this file in the sources, in the build, and in bundles that have it as an entry. */
function startWorker(): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = new URL(fromSource ? 'session-worker.ts' : 'session-worker.js', import.meta.url);
  // The sources of other workspace packages are found under this condition.
  return new Worker(entry, {
    name: 'buildkit-session',
    // A session makes garbage steadily; as much room as is usual for it would only be filled.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
    execArgv: fromSource ? ['--conditions=x-source'] : [],
  });
}

/** How long a worker may take to let go of everything before it is ended. */
const closeTimeoutMs = 2000;

async function runInWorker(
  worker: Worker,
  keep: (worker: Worker) => boolean,
  ...[endpoint, identity, plan, host, failed, signal]: Parameters<SessionThreads['run']>
): Promise<RunningSession | 'no worker'> {
  const { port1: port, port2: workersPort } = new MessageChannel();
  const tell = (message: ToWorker): void => port.postMessage(message);
  const answering = answerer(host, tell);
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let settleClosed!: (reason: unknown) => void;
  const closed = new Promise<unknown>((resolve) => {
    settleClosed = resolve;
  });
  const close = (): void => {
    if (isOver) return;
    tell({ type: 'close' });
    timer ??= setTimeout(() => void worker.terminate(), closeTimeoutMs);
  };
  return await new Promise((resolve, reject) => {
    let reason: unknown;
    const onAbort = (): void => {
      close();
      reject(asError(signal?.reason));
    };
    signal?.addEventListener('abort', onAbort);
    const settled = (): void => signal?.removeEventListener('abort', onAbort);
    const onError = (cause: unknown): void => {
      settled();
      // A bundle without the worker's entry: what it would do is done here then.
      if (isMissing(cause)) resolve('no worker');
      else reject(cause);
      reason ??= cause;
    };
    const over = (): void => {
      isOver = true;
      worker.off('error', onError);
      worker.off('exit', over);
      port.close();
      settled();
      clearTimeout(timer);
      answering.end(new Error('The session has ended.'));
      reject(new Error('The session ended before it was offered.', { cause: reason }));
      settleClosed(reason);
    };
    const release = (isIdle: boolean): void => {
      if (isIdle && keep(worker)) over();
      else order(worker, { type: 'end' });
    };
    port.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'offered':
          settled();
          resolve({ methods: message.methods, closed, close });
          break;
        case 'notOffered':
          settled();
          reject(errorOf(message.error));
          release(true);
          break;
        case 'failure':
          failed(errorOf(message.error));
          break;
        case 'closed':
          reason ??= message.reason === undefined ? undefined : errorOf(message.reason);
          release(message.isIdle);
          break;
        default:
          answering.take(message);
      }
    });
    worker.on('error', onError);
    worker.on('exit', over);
    order(worker, { type: 'start', port: workersPort, endpoint, identity, plan });
  });
}

function order(worker: Worker, message: ToThread): void {
  worker.postMessage(message, message.type === 'start' ? [message.port] : []);
}

function isMissing(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
}

type ForHost = Exclude<FromWorker, { type: 'offered' | 'notOffered' | 'failure' | 'closed' }>;

/** Calls the host for the worker. */
function answerer(
  host: SessionHost,
  tell: (message: ToWorker) => void,
): { readonly take: (message: ForHost) => void; readonly end: (reason: Error) => void } {
  const sinks = new Map<number, { sink: ExportSink; written: Promise<void> }>();
  const uploads = new Map<number, AsyncIterator<Uint8Array>>();

  const answer = async (question: Question): Promise<unknown> => {
    switch (question.what) {
      case 'secret':
        return await host.secret(...question.args);
      case 'credentials':
        return await host.credentials(...question.args);
      case 'checkPolicy':
        return await host.checkPolicy(question.args[0] as Parameters<SessionHost['checkPolicy']>[0]);
      case 'findExporters':
        return await host.findExporters(...question.args);
      case 'finalizeExport':
        return await host.finalizeExport(...question.args);
      case 'openUpload': {
        const [id, upload] = question.args;
        uploads.set(upload, (await host.upload(id))[Symbol.asyncIterator]());
        return undefined;
      }
      case 'pullUpload': {
        const next = await uploads.get(question.args[0])?.next();
        return next === undefined || next.done === true ? undefined : next.value;
      }
      case 'endExport': {
        const open = sinks.get(question.args[0]);
        if (open === undefined) throw new Error('There is no such export.');
        sinks.delete(question.args[0]);
        await open.written;
        return await open.sink.end();
      }
    }
  };

  const write = (number: number, bytes: Uint8Array): void => {
    const open = sinks.get(number);
    if (open === undefined) return;
    const size = bytes.length;
    open.written = open.written.then(async () => {
      await open.sink.write(bytes);
      tell({ type: 'taken', sink: number, bytes: size });
    });
    open.written.catch((cause: unknown) =>
      tell({ type: 'sinkFailed', sink: number, error: refusalOf(cause) }),
    );
  };

  return {
    take(message) {
      switch (message.type) {
        case 'question':
          answer(message).then(
            (value) => tell({ type: 'answer', question: message.question, value }),
            (cause: unknown) =>
              tell({ type: 'refusal', question: message.question, error: refusalOf(cause) }),
          );
          break;
        case 'openExport':
          sinks.set(message.sink, {
            sink: host.openExport(message.index, message.metadata),
            written: Promise.resolve(),
          });
          break;
        case 'write':
          write(message.sink, message.bytes);
          break;
        case 'abortExport':
          sinks.get(message.sink)?.sink.abort(errorOf(message.error));
          sinks.delete(message.sink);
          break;
        case 'closeUpload':
          void uploads.get(message.upload)?.return?.();
          uploads.delete(message.upload);
          break;
        case 'transfer':
          host.transferred(message.transfer);
          break;
      }
    },
    end(reason) {
      for (const { sink } of sinks.values()) sink.abort(reason);
      sinks.clear();
      for (const upload of uploads.values()) void upload.return?.();
      uploads.clear();
    },
  };
}
