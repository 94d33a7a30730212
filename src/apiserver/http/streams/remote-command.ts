// exec and attach for clients that speak WebSocket protocol v5: each channel of the WebSocket is joined with a stream of the runtime's SPDY.
// Follows apiserver pkg/util/proxy/{streamtranslator,websocket}.go and client-go tools/remotecommand/{v2,v3,v4,errorstream}.go of v1.36.

import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { ApiError } from '../../../api/meta/errors.ts';
import type { Status } from '../../../api/meta/types.ts';
import { statusOf } from '../../pipeline.ts';
import { silent, spdySession, type StreamReader } from './spdy-session.ts';
import { isSwitched, readRefusal, requestUpgrade } from './upgrade-request.ts';

export const closableProtocol = 'v5.channel.k8s.io';
/** What runtimes speak over SPDY: the exit status comes as JSON on the error stream. */
const runtimeProtocol = 'v4.channel.k8s.io';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Which streams the client asked for. */
export interface RemoteCommandOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface RemoteCommandTarget {
  /** Connects to the kubelet. */
  connect(): Promise<Duplex>;
  host: string;
  path: string;
}

/** What may wait in the WebSocket before the runtime is no longer read. */
const maxWaitingBytes = 1024 * 1024;
/** Parts of a status on the error stream that are kept. */
const maxProblemParts = 64;

/** Carries one command; resolves when the client has gone. Failures of the kubelet's side are told on the error channel. */
export async function remoteCommand(
  client: WebSocket,
  socket: Duplex,
  target: RemoteCommandTarget,
  options: RemoteCommandOptions,
): Promise<void> {
  const gone = new Promise<void>((resolve) => client.once('close', () => resolve()));
  // Errors of the connection show as its close.
  client.on('error', () => {});
  // Nothing is taken before there is somebody to give it to.
  client.pause();
  // The client learns that the connection stands by an empty message on the first channel that it reads.
  send(client, options.stdout ? channels.stdout : options.stderr ? channels.stderr : channels.error, Buffer.alloc(0));
  const status = await run(client, socket, target, options).catch((error: unknown) => failed(error));
  send(client, channels.error, Buffer.from(JSON.stringify(status)));
  // What the client still sends is read, and left: its answer to the closing frame is among it. The connection is not closed at once,
  // since that could make the kernel drop output that a slow client has not read yet.
  client.resume();
  client.close(1000);
  await gone;
}

/** A Status as the error channel carries it. */
type ChannelStatus = Partial<Status>;

const succeeded: ChannelStatus = { metadata: {}, status: 'Success' };

function failed(error: unknown): ChannelStatus {
  const { kind, apiVersion, ...status } = statusOf(error).status;
  return status;
}

/** The command's end. Rejects with an ApiError that the kubelet gave, or an Error. */
async function run(
  client: WebSocket,
  socket: Duplex,
  target: RemoteCommandTarget,
  options: RemoteCommandOptions,
): Promise<ChannelStatus> {
  const backend = await target.connect();
  client.once('close', () => backend.destroy());
  const answer = await requestUpgrade(backend, target.host, target.path, [runtimeProtocol]);
  if (!isSwitched(answer)) throw refusalOf(await readRefusal(backend, answer));
  const spoken = answer.headers.get('x-stream-protocol-version');
  if (spoken !== runtimeProtocol) {
    backend.destroy();
    throw new Error(`unable to upgrade connection: the runtime answered with protocol ${JSON.stringify(spoken ?? '')}`);
  }
  return await joined(client, socket, backend, answer.rest, options);
}

/** What the kubelet says when it does not switch: a Status, or plain text. */
function refusalOf(text: string): Error {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status')
      return new ApiError(parsed as Status);
  } catch {
    // Plain text, then.
  }
  return new Error(`unable to upgrade connection: ${text}`);
}

/** Passes on what both sides say until the runtime has ended all its streams. */
function joined(
  client: WebSocket,
  socket: Duplex,
  backend: Duplex,
  read: Buffer,
  options: RemoteCommandOptions,
): Promise<ChannelStatus> {
  return new Promise((resolve, reject) => {
    const problem: Buffer[] = [];
    let open = 1 + Number(options.stdout) + Number(options.stderr && !options.tty);
    const ended = (): void => {
      open--;
      if (open > 0) return;
      backend.end();
      try {
        resolve(problem.length === 0 ? succeeded : exitStatus(Buffer.concat(problem).toString('utf8')));
      } catch (error) {
        reject(error);
      }
    };
    const session = spdySession(backend, read, (error) =>
      reject(new Error(`error reading from error stream: ${error?.message ?? 'unexpected EOF'}`)),
    );
    const output = (channel: number): StreamReader => ({
      data(bytes) {
        send(client, channel, bytes);
        if (client.bufferedAmount > maxWaitingBytes) backend.pause();
      },
      end: ended,
    });
    socket.on('drain', () => backend.resume());
    session.open(
      { streamtype: 'error' },
      { data: (bytes) => void (problem.length < maxProblemParts && problem.push(bytes)), end: ended },
    );
    const stdin = options.stdin ? session.open({ streamtype: 'stdin' }, silent) : undefined;
    if (options.stdout) session.open({ streamtype: 'stdout' }, output(channels.stdout));
    if (options.stderr && !options.tty) session.open({ streamtype: 'stderr' }, output(channels.stderr));
    const resize = options.tty ? session.open({ streamtype: 'resize' }, silent) : undefined;
    client.on('message', (data: RawData) => {
      const message = data as Buffer;
      const [channel, closing] = message;
      const to = channel === channels.stdin ? stdin : channel === channels.resize ? resize : undefined;
      if (channel === channels.close && closing === channels.stdin) stdin?.end();
      else if (to?.write(message.subarray(1)) === false) client.pause();
    });
    backend.on('drain', () => client.resume());
    client.resume();
  });
}

/** The Status of the error stream as this API tells it. Throws an Error for what is neither success nor an exit code. */
function exitStatus(text: string): ChannelStatus {
  let status: ChannelStatus;
  try {
    status = JSON.parse(text) as ChannelStatus;
  } catch (error) {
    throw new Error(
      `error stream protocol error: ${error instanceof Error ? error.message : String(error)} in ${JSON.stringify(text)}`,
    );
  }
  if (status.status === 'Success') return succeeded;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason !== 'NonZeroExitCode' || code === undefined) throw new Error(status.message ?? 'unknown error');
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  };
}

function send(client: WebSocket, channel: number, bytes: Buffer): void {
  client.send(Buffer.concat([Buffer.from([channel]), bytes]), { binary: true });
}
