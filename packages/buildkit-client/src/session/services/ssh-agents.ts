import { connect, type Socket } from 'node:net';
import { buildError } from '@melange2/diagnostics';
import { ssh } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { bytesPayloads, sendAllBytes } from '../bytes-messages.ts';
import { sessionErrors } from '../errors.ts';
import { unary, type CallHandler, type ServerCall } from '../server-call.ts';
import { keyAgent, type KeyAgent } from '../ssh/key-agent.ts';
import { StatusError } from '../status-error.ts';

type Agent = { readonly socket: string } | { readonly keys: readonly string[] };

/** Forwards SSH agents into build steps: a socket's, or one that has the given keys. */
export function sshAgentsService(
  agents: Readonly<Record<string, Agent>>,
): readonly (readonly [string, CallHandler])[] {
  const { methods } = ssh.SSH;
  const find = (id: string): { id: string; agent: Agent } => {
    const name = id === '' ? 'default' : id;
    const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
    if (agent === undefined) throw new StatusError(grpcCode.notFound, `unset ssh forward key ${name}`);
    return { id: name, agent };
  };
  const ownAgents = new Map<string, KeyAgent>();
  const forward: CallHandler = async (call) => {
    const { id, agent } = find(call.metadata.get('buildkit.ssh.id')?.[0] ?? '');
    if ('socket' in agent) {
      await pipe(call, await open(id, agent.socket));
      return;
    }
    let own = ownAgents.get(id);
    if (own === undefined) {
      own = keyAgent(id, agent.keys);
      ownAgents.set(id, own);
    }
    await serve(call, own);
  };
  return [
    unary(methods.CheckAgent, ({ ID: id }) => {
      find(id);
      return {};
    }),
    [methods.ForwardAgent.path, forward],
  ];
}

async function open(id: string, path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (cause) =>
      reject(
        buildError(
          sessionErrors,
          'SESSION_SSH_AGENT_UNREACHABLE',
          { id, socket: path, why: cause.message },
          { cause },
        ),
      ),
    );
  });
  // 'close' follows.
  socket.on('error', () => {});
  return socket;
}

/** Joins the call and the agent's socket until either side ends. */
async function pipe(call: ServerCall, socket: Socket): Promise<void> {
  const abort = (): void => {
    socket.destroy();
  };
  call.signal.addEventListener('abort', abort);
  const toAgent = async (): Promise<void> => {
    const parse = bytesPayloads();
    for (;;) {
      const chunks = await call.read();
      if (chunks === undefined) break;
      let open = true;
      for (const chunk of chunks)
        parse(chunk, (bytes) => {
          open = socket.write(bytes);
        });
      if (!open && !socket.destroyed)
        await new Promise<void>((resolve) => {
          const done = (): void => {
            socket.off('drain', done);
            socket.off('close', done);
            resolve();
          };
          socket.on('drain', done);
          socket.on('close', done);
        });
    }
    socket.end();
  };
  const fromAgent = async (): Promise<void> => {
    for await (const bytes of socket) await sendAllBytes(call, bytes as Buffer);
  };
  try {
    const sending = toAgent();
    // The agent's end ends the call; what comes later from the daemon has nobody to go to.
    sending.catch(() => {});
    await fromAgent();
  } finally {
    call.signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function serve(call: ServerCall, agent: KeyAgent): Promise<void> {
  const conversation = agent();
  const parse = bytesPayloads();
  for (;;) {
    const chunks = await call.read();
    if (chunks === undefined) return;
    const answers: Uint8Array[] = [];
    for (const chunk of chunks) parse(chunk, (bytes) => answers.push(...conversation(bytes)));
    for (const answer of answers) await sendAllBytes(call, answer);
  }
}
