// How simulated containers answer commands, requests and connections: as their scripts say, after the delay they name.

import type { Clock } from '../../lib/clock.ts';
import { sleep } from '../../lib/clock.ts';
import { type Dialer, DialError, joinHostPort } from '../../lib/dialer.ts';
import { type ExecSyncResult, RuntimeError } from '../runtime.ts';
import type { SimContainer, SimSandbox } from './records.ts';

const portsAnnotation = 'io.kubernetes.container.ports';

/** Whether the container is well at `now` (ms since the epoch): after ready-after and before fail-after. */
function isWell({ state, startedAt, script }: SimContainer, now: number): boolean {
  if (state !== 'running' || startedAt === undefined) return false;
  const age = now - startedAt;
  return age >= script.readyAfter && age < script.failAfter;
}

/** Waits as the script says; false when the time limit (ms) comes first. */
async function answersWithin(clock: Clock, container: SimContainer, limitMs: number, signal?: AbortSignal) {
  const { answerDelay } = container.script;
  if (answerDelay > 0) await sleep(clock, Math.min(answerDelay, limitMs), signal);
  return answerDelay < limitMs;
}

/** Runs a command in the container: it succeeds while the container is well, unless its script says otherwise. */
export async function answerCommand(
  clock: Clock,
  container: SimContainer,
  timeoutSeconds: number | undefined,
  signal?: AbortSignal,
): Promise<ExecSyncResult> {
  const { id, script } = container;
  if (container.state !== 'running') throw new RuntimeError('Unknown', `container "${id}" is not in running state`);
  const limitMs = timeoutSeconds ? timeoutSeconds * 1000 : Number.POSITIVE_INFINITY;
  const inTime = await answersWithin(clock, container, limitMs, signal);
  if (signal?.aborted) throw new RuntimeError('Canceled', 'context canceled');
  if (!inTime) {
    throw new RuntimeError(
      'DeadlineExceeded',
      `failed to exec in container: timeout ${timeoutSeconds}s exceeded: context deadline exceeded`,
    );
  }
  const exitCode = isWell(container, clock.now()) ? script.execExitCode : script.execExitCode || 1;
  return { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode };
}

/** Whether the container declares the port, as the kubelet notes in an annotation. */
function declares({ config }: SimContainer, port: number): boolean {
  const text = config.annotations?.[portsAnnotation];
  return text !== undefined && new RegExp(`"containerPort":${port}\\b`).test(text);
}

/** Reaches the pods of a simulated runtime: a port is answered by the container that declares it, else by the pod's first. */
export function createSimulatedDialer(sandboxes: () => Iterable<SimSandbox>, clock: Clock): Dialer {
  const find = (host: string, port: number): SimContainer | undefined => {
    for (const { address, state, containers } of sandboxes()) {
      if (address !== host || state !== 'ready') continue;
      const running = [...containers.values()].filter((c) => c.state === 'running');
      return running.find((c) => declares(c, port)) ?? running[0];
    }
    return undefined;
  };

  const reach = async (host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<SimContainer> => {
    const refused = new DialError('failed', `dial tcp ${joinHostPort(host, port)}: connect: connection refused`);
    const container = find(host, port);
    if (container === undefined || !isWell(container, clock.now())) throw refused;
    const inTime = await answersWithin(clock, container, timeoutMs, signal);
    if (signal?.aborted) throw new DialError('failed', 'context canceled');
    if (!inTime) throw new DialError('timeout', `dial tcp ${joinHostPort(host, port)}: i/o timeout`);
    return container;
  };

  return {
    async get({ host, port, timeoutMs }, signal) {
      const { script } = await reach(host, port, timeoutMs, signal);
      return { status: script.httpStatus, location: script.httpLocation, body: '' };
    },
    async connect(host, port, timeoutMs, signal) {
      await reach(host, port, timeoutMs, signal);
    },
    async grpcHealth({ host, port, timeoutMs }, signal) {
      try {
        const { script } = await reach(host, port, timeoutMs, signal);
        return { type: 'answered', status: script.httpStatus < 400 ? 'SERVING' : 'NOT_SERVING' };
      } catch (error) {
        if (error instanceof DialError && !signal?.aborted) {
          return { type: error.kind === 'timeout' ? 'timeout' : 'unconnected' };
        }
        throw error;
      }
    },
  };
}
