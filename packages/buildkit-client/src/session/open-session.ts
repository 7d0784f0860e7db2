import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { asError } from '../as-error.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Attachables, OpenSession, Session, SessionOptions } from '../session-contract.ts';
import { callerHost, planOf } from './caller-host.ts';
import type { RunningSession, SessionIdentity } from './run-session.ts';
import type { ExportSink, SessionHost, SessionPlan } from './session-host.ts';
import { errorOf, refusalOf, type FromWorker, type Question, type ToWorker } from './worker-messages.ts';

/**
 * Offers a session to the daemon on a connection of its own, and serves it from a worker thread, so that a busy
 * caller does not lose it.
 *
 * Functions among the attachables are called in this thread. The session lives until `close`, until the signal
 * aborts, or until the daemon or the connection ends it.
 *
 * @throws {ConnectionError} when the daemon cannot be reached; the signal's reason when it aborts meanwhile.
 */
export const openSession: OpenSession = (endpoint, attachables, options) =>
  openSessionOn(startWorker, endpoint, attachables, options);

/** A thread that was started before it is needed. */
export interface PreparedSession {
  /** Opens a session on the thread; on a new one when it has gone, or was used already. */
  readonly open: OpenSession;
  /** Ends the thread if no session uses it. */
  readonly discard: () => void;
}

/**
 * Starts the thread of a session ahead, which takes longer than all that comes then. It does not keep the process
 * alive before it is used.
 */
export function prepareSession(): PreparedSession {
  let ready: Worker | undefined = startWorker();
  const forget = (): void => {
    ready = undefined;
  };
  ready.unref();
  // Whether threads can be had at all shows again, and is dealt with, when a session is opened.
  ready.on('error', forget);
  ready.on('exit', forget);
  const take = (): Worker => {
    const worker = ready;
    if (worker === undefined) return startWorker();
    ready = undefined;
    worker.off('error', forget);
    worker.off('exit', forget);
    worker.ref();
    return worker;
  };
  return {
    open: (endpoint, attachables, options) => openSessionOn(take, endpoint, attachables, options),
    discard: () => void ready?.terminate(),
  };
}

async function openSessionOn(
  takeWorker: () => Worker,
  endpoint: Endpoint,
  attachables: Attachables,
  options: SessionOptions = {},
): Promise<Session> {
  options.signal?.throwIfAborted();
  const failures: unknown[] = [];
  const failed = (error: unknown): void => {
    if (!failures.includes(error)) failures.push(error);
  };
  const identity: SessionIdentity = {
    id: randomBytes(16).toString('hex'),
    name: options.name ?? 'melange2',
    sharedKey: options.sharedKey ?? '',
  };
  const host = callerHost(attachables, options, failed);
  const running = await start(takeWorker, endpoint, identity, attachables, options, host, failed);
  const onAbort = (): void => running.close();
  options.signal?.addEventListener('abort', onAbort);
  let closing = false;
  const closed = running.closed.then((reason) => {
    options.signal?.removeEventListener('abort', onAbort);
    return closing ? undefined : reason;
  });
  return {
    id: identity.id,
    methods: running.methods,
    failures,
    closed,
    async close() {
      closing = true;
      running.close();
      await closed;
    },
  };
}

async function start(
  takeWorker: () => Worker,
  endpoint: Endpoint,
  identity: SessionIdentity,
  attachables: Attachables,
  options: SessionOptions,
  host: SessionHost,
  failed: (error: unknown) => void,
): Promise<RunningSession> {
  const plan = planOf(attachables, options);
  if (options.worker !== false) {
    const running = await runInWorker(takeWorker(), endpoint, identity, plan, host, failed, options.signal);
    if (running !== 'no worker') return running;
  }
  const { runSession } = await import('./run-session.ts');
  return await runSession(endpoint, identity, plan, host, failed, options.signal);
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
  endpoint: Endpoint,
  identity: SessionIdentity,
  plan: SessionPlan,
  host: SessionHost,
  failed: (error: unknown) => void,
  signal: AbortSignal | undefined,
): Promise<RunningSession | 'no worker'> {
  // The rule means browsers; a thread has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const tell = (message: ToWorker): void => worker.postMessage(message);
  const answering = answerer(host, tell);
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let settleClosed!: (reason: unknown) => void;
  const closed = new Promise<unknown>((resolve) => {
    settleClosed = resolve;
  });
  const close = (): void => {
    if (ended) return;
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
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'offered':
          settled();
          resolve({ methods: message.methods, closed, close });
          break;
        case 'notOffered':
          settled();
          reject(errorOf(message.error));
          break;
        case 'failure':
          failed(errorOf(message.error));
          break;
        case 'closed':
          reason ??= message.reason === undefined ? undefined : errorOf(message.reason);
          break;
        default:
          answering.take(message);
      }
    });
    worker.on('error', (cause) => {
      settled();
      // A bundle without the worker's entry: what it would do is done here then.
      if (isMissing(cause)) resolve('no worker');
      else reject(cause);
      reason ??= cause;
    });
    worker.on('exit', () => {
      ended = true;
      settled();
      clearTimeout(timer);
      answering.end(new Error('The session has ended.'));
      reject(new Error('The session ended before it was offered.', { cause: reason }));
      settleClosed(reason);
    });
    tell({ type: 'start', endpoint, identity, plan });
  });
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
