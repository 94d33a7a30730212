// Runs one probe by its handler and tells how it ended.
// Follows pkg/kubelet/prober/prober.go, pkg/probe/exec/exec.go, pkg/probe/tcp/tcp.go and pkg/probe/grpc/grpc.go of v1.36.

import type { Container, GRPCAction, Probe } from '../../api/generated/types.ts';
import { goDuration, goQuote } from '../../api/meta/go-format.ts';
import { isRuntimeError, type RuntimeService } from '../../cri/runtime.ts';
import { type Dialer, DialError, joinHostPort } from '../../lib/dialer.ts';
import { expand } from '../container-config/expansion.ts';
import type { ProbeOutcome } from './decide-probe.ts';
import { httpProbe } from './http-probe.ts';
import { httpTargetOf, resolvePort } from './http-target.ts';

export interface ProbeRunner {
  runtime: RuntimeService;
  dialer: Dialer;
  /** Monotonic ms. */
  monotonic: () => number;
}

export interface ProbeSubject {
  container: Container;
  containerId: string;
  /** The pod's first address; '' where it has none. */
  podIP: string;
}

const maxOutputBytes = 10 * 1024;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const unknown = (message: string): ProbeOutcome => ({ type: 'error', result: 'unknown', message });

/** A command with the container's plain env values filled in, as upstream does for probes. */
function expandCommand(command: readonly string[], container: Container): string[] {
  const values = new Map((container.env ?? []).filter((e) => !e.valueFrom).map((e) => [e.name, e.value ?? '']));
  return command.map((word) => expand(word, (name) => values.get(name)));
}

async function execProbe(
  runtime: RuntimeService,
  subject: ProbeSubject,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const cmd = expandCommand(command, subject.container);
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(subject.containerId, cmd, timeoutMs / 1000, signal);
    if (exitCode === 0) return { type: 'success' };
    return { type: 'failure', output: Buffer.concat([stdout, stderr]).subarray(0, maxOutputBytes).toString() };
  } catch (error) {
    if (!isRuntimeError(error, 'DeadlineExceeded')) return unknown(textOf(error));
    const text = `command timed out: ${goQuote(cmd.join(' '))} timed out after ${goDuration(timeoutMs)}`;
    return { type: 'failure', output: text };
  }
}

async function tcpProbe(
  dialer: Dialer,
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    await dialer.connect(host, port, timeoutMs, signal);
    return { type: 'success' };
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    return { type: 'failure', output: error.message };
  }
}

async function grpcProbe(
  dialer: Dialer,
  host: string,
  action: GRPCAction,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { port } = action;
  const request = { host, port, service: action.service ?? '', userAgent: 'kube-probe/1.36', timeoutMs };
  const health = await dialer.grpcHealth(request, signal);
  const within = goDuration(timeoutMs);
  switch (health.type) {
    case 'answered':
      if (health.status === 'SERVING') return { type: 'success' };
      return { type: 'failure', output: `service unhealthy (responded with ${goQuote(health.status)})` };
    case 'unconnected': {
      const address = goQuote(joinHostPort(host, port));
      const text = `timeout: failed to connect service ${address} within ${within}: context deadline exceeded`;
      return { type: 'failure', output: text };
    }
    case 'unimplemented': {
      const text = 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)';
      return { type: 'failure', output: `${text}: ${health.message}` };
    }
    case 'timeout':
      return { type: 'failure', output: `timeout: health rpc did not complete within ${within}` };
    case 'failed':
      return { type: 'failure', output: `error: health rpc probe failed: ${health.message}` };
    default:
      return health satisfies never;
  }
}

/** Probes once. Rejects only when the signal aborted or something of ours is broken. */
export async function runProbe(
  { runtime, dialer, monotonic }: ProbeRunner,
  probe: Probe,
  subject: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec) return execProbe(runtime, subject, exec.command ?? [], timeoutMs, signal);
  if (grpc) return grpcProbe(dialer, subject.podIP, grpc, timeoutMs, signal);
  try {
    if (httpGet) {
      const request = httpTargetOf(httpGet, subject.container, subject.podIP, 'probe');
      return await httpProbe(dialer, { ...request, timeoutMs }, monotonic, signal);
    }
    if (tcpSocket) {
      const port = resolvePort(tcpSocket.port, subject.container);
      return await tcpProbe(dialer, tcpSocket.host || subject.podIP, port, timeoutMs, signal);
    }
  } catch (error) {
    return unknown(textOf(error));
  }
  return unknown(`missing probe handler for ${subject.container.name}`);
}
