import { Readable, Writable } from 'node:stream';
import { gateway, pb, type Init, type Method } from '@melange2/proto';
import { buildError } from '@melange2/diagnostics';
import { errors, fromWireError } from '../errors.ts';
import type { Call } from '../grpc/channel.ts';
import { isGrpcError } from '../grpc/grpc-error.ts';
import type { GatewayCalls } from './gateway.ts';

/** A mount of an opened container. */
export interface ContainerMount {
  readonly dest: string;
  /** The state that is mounted: a reference's id or a failed step's mount id. Absent for an empty one. */
  readonly resultId?: string;
  readonly readonly?: boolean;
  readonly selector?: string;
  /** `bind` when absent. */
  readonly kind?: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  readonly cache?: Init<pb.CacheOpt>;
  readonly tmpfs?: Init<pb.TmpfsOpt>;
  readonly secret?: Init<pb.SecretOpt>;
  readonly ssh?: Init<pb.SSHOpt>;
}

export interface ContainerOptions {
  /** One of them at `/`. */
  readonly mounts: readonly ContainerMount[];
  readonly network?: 'default' | 'host' | 'none';
  readonly hostname?: string;
  readonly extraHosts?: readonly { readonly host: string; readonly ip: string }[];
  readonly platform?: Init<pb.Platform>;
  readonly signal?: AbortSignal;
}

/** A container in which processes can be started until it is released or its build ends. */
export interface Container {
  readonly id: string;
  readonly exec: (options: ExecOptions) => Promise<Process>;
  readonly release: () => Promise<void>;
}

export interface ExecOptions {
  readonly args: readonly string[];
  /** `NAME=value`, in order. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  /** A terminal: standard output and error are one stream, and `resize` works. */
  readonly tty?: boolean;
  /**
   * The process has a standard input that is written to; a terminal always has. It is to be ended in time: daemons
   * before 0.34 tell that a process has exited only when its input is over too.
   */
  readonly stdin?: boolean;
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

/** A process in a container. */
export interface Process {
  /**
   * Writing holds back when the process does not read. Ending it is the process' end of file. Over from the start
   * unless it was asked for.
   */
  readonly stdin: Writable;
  /** Has to be read (or `resume()`d), for the process to go on. */
  readonly stdout: Readable;
  /** With a terminal: empty. */
  readonly stderr: Readable;
  /** Tells the size of the terminal. What is told before the process has printed something may be lost. */
  readonly resize: (rows: number, columns: number) => Promise<void>;
  /** Sends a signal by name, such as `SIGTERM`; 0.10 and later, `gateway.exec.signals`. */
  readonly kill: (signal: string) => Promise<void>;
  /** Settles with the exit code when the process has ended; rejects when it could not be started or was cut off. */
  readonly exited: Promise<number>;
}

const { methods } = gateway.LLBBridge;

const mountTypes = {
  bind: pb.MountType.BIND,
  secret: pb.MountType.SECRET,
  ssh: pb.MountType.SSH,
  cache: pb.MountType.CACHE,
  tmpfs: pb.MountType.TMPFS,
} as const;

const networks = { default: pb.NetMode.UNSET, host: pb.NetMode.HOST, none: pb.NetMode.NONE } as const;

/** Opens a container in an open build. `need` throws when the daemon lacks a capability. */
export async function openContainer(
  calls: GatewayCalls,
  need: (capability: string) => void,
  send: <Request, Response>(
    method: Method<Request, Response>,
    message: Init<Request>,
    signal?: AbortSignal,
  ) => Promise<Response>,
  id: string,
  options: ContainerOptions,
): Promise<Container> {
  await send(
    methods.NewContainer,
    {
      ContainerID: id,
      Mounts: options.mounts.map((mount) => ({
        dest: mount.dest,
        input: -1,
        output: -1,
        resultID: mount.resultId ?? '',
        readonly: mount.readonly ?? false,
        selector: mount.selector ?? '',
        mountType: mountTypes[mount.kind ?? 'bind'],
        cacheOpt: mount.cache,
        TmpfsOpt: mount.tmpfs,
        secretOpt: mount.secret,
        SSHOpt: mount.ssh,
      })),
      Network: networks[options.network ?? 'default'],
      platform: options.platform,
      hostname: options.hostname ?? '',
      extraHosts: options.extraHosts?.map(({ host, ip }) => ({ Host: host, IP: ip })),
    },
    options.signal,
  );
  let processes = 0;
  return {
    id,
    exec: (exec) => startProcess(calls, need, id, `${id}p${++processes}`, exec),
    release: async () => {
      try {
        await send(methods.ReleaseContainer, { ContainerID: id });
      } catch (cause) {
        // Daemons answer with the exit codes of the container's processes, which is no failure of the release.
        const said = cause instanceof Error && isGrpcError(cause.cause) ? cause.cause.message : '';
        if (!/exit code: \d+$/.test(said)) throw cause;
      }
    },
  };
}

async function startProcess(
  calls: GatewayCalls,
  need: (capability: string) => void,
  containerId: string,
  processId: string,
  options: ExecOptions,
): Promise<Process> {
  const { address } = calls;
  const call = calls.channel.duplex(methods.ExecProcess, calls.callOptions(options.signal));
  const send = (Input: Init<gateway.ExecMessage>['Input']): Promise<void> =>
    call.send({ ProcessID: processId, Input });
  const tty = options.tty === true;
  const hasInput = tty || options.stdin === true;

  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      send({ kind: 'File', value: { Fd: 0, Data: chunk } }).then(() => done(), done);
    },
    final(done) {
      endInput();
      done();
    },
  });
  let inputEnded = !hasInput;
  const endInput = (): void => {
    if (inputEnded) return;
    inputEnded = true;
    // The process may be gone already.
    send({ kind: 'File', value: { Fd: 0, EOF: true } }).catch(() => {});
  };
  // Writing to a process that has gone is no failure of its own: `exited` tells what happened.
  stdin.on('error', () => {});
  const stdout = heldReadable();
  const stderr = heldReadable();

  let settle: { resolve: (code: number) => void; reject: (reason: unknown) => void };
  const exited = new Promise<number>((resolve, reject) => {
    settle = { resolve, reject };
  });
  exited.catch(() => {});
  const started = new Promise<void>((resolve, reject) => {
    receive(call, processId, [stdout, stderr], resolve, endInput, address).then(
      (code) => {
        stdin.destroy();
        stdout.stream.push(null);
        stderr.stream.push(null);
        resolve();
        settle.resolve(code);
      },
      (cause: unknown) => {
        const error = fromWireError(cause, address);
        stdin.destroy();
        stdout.stream.push(null);
        stderr.stream.push(null);
        settle.reject(error);
        reject(error);
      },
    );
  });

  try {
    await send({
      kind: 'Init',
      value: {
        ContainerID: containerId,
        Meta: {
          args: options.args,
          env: options.env,
          cwd: options.cwd ?? '/',
          user: options.user ?? '',
        },
        Fds: tty ? [0, 1] : hasInput ? [0, 1, 2] : [1, 2],
        Tty: tty,
        Security: options.insecure === true ? pb.SecurityMode.INSECURE : pb.SecurityMode.SANDBOX,
      },
    });
    if (!hasInput) stdin.end();
  } catch {
    // The reason is in `started`.
  }
  await started;
  return {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    exited,
    resize: (rows, columns) => send({ kind: 'Resize', value: { Rows: rows, Cols: columns } }),
    async kill(name) {
      need('gateway.exec.signals');
      // On the wire they are called as in a shell: TERM.
      await send({ kind: 'Signal', value: { Name: name.replace(/^SIG/, '') } });
    },
  };
}

interface HeldReadable {
  readonly stream: Readable;
  /** Resolves when more is wanted. */
  readonly push: (bytes: Uint8Array) => Promise<void>;
}

function heldReadable(): HeldReadable {
  let wanted: (() => void) | undefined;
  const stream = new Readable({
    highWaterMark: 1 << 20,
    read() {
      wanted?.();
      wanted = undefined;
    },
    destroy(error, done) {
      wanted?.();
      done(error);
    },
  });
  return {
    stream,
    push: async (bytes) => {
      if (stream.destroyed || stream.push(bytes)) return;
      await new Promise<void>((resolve) => {
        wanted = resolve;
      });
    },
  };
}

async function receive(
  call: Call<gateway.ExecMessage, gateway.ExecMessage>,
  processId: string,
  outputs: readonly [HeldReadable, HeldReadable],
  started: () => void,
  inputOver: () => void,
  address: string,
): Promise<number> {
  let code: number | undefined;
  for await (const { Input } of call) {
    switch (Input?.kind) {
      case 'Started':
        started();
        break;
      case 'File': {
        const output = outputs[Input.value.Fd - 1];
        if (output !== undefined && Input.value.Data.length > 0) await output.push(Input.value.Data);
        break;
      }
      case 'Exit':
        code = Input.value.Code;
        // The daemon has the rest of the output sent, and then waits for the end of the input.
        inputOver();
        // A process that could not be started ends with an error and no useful code.
        if (Input.value.Error !== undefined && Input.value.Error.message !== '' && code === unknownExitCode)
          throw buildError(errors, 'BUILDKIT_CALL_FAILED', {
            address,
            method: 'LLBBridge.ExecProcess',
            code: Input.value.Error.code,
            status: 'unknown',
            text: Input.value.Error.message,
          });
        break;
      case 'Done':
        call.end();
        break;
      case 'Init':
      case 'Resize':
      case 'Signal':
      case undefined:
        break;
    }
  }
  if (code === undefined)
    throw buildError(errors, 'BUILDKIT_CALL_FAILED', {
      address,
      method: 'LLBBridge.ExecProcess',
      code: 13,
      status: 'internal',
      text: `process ${processId} ended without an exit code`,
    });
  return code;
}

/** What the gateway sends when a process never ran. */
const unknownExitCode = 255;
