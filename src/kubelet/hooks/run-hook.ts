// Runs a container's postStart or preStop handler.
// Follows pkg/kubelet/lifecycle/handlers.go of v1.36.

import type { Container, HTTPGetAction, LifecycleHandler } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { sleep } from '../../lib/clock.ts';
import { joinHostPort } from '../../lib/dialer.ts';
import { errorText, type KubeletParts, type PodMemory } from '../pod-context.ts';
import { getFollowing } from '../probes/http-probe.ts';
import { httpTargetOf } from '../probes/http-target.ts';
import { formatPod } from '../runtime-pod.ts';

/** How a hook ended; `message` tells users why it failed. */
export type HookResult = { ok: true } | { ok: false; message: string };

// Hooks have no time limit of their own: the grace period or the end of the pod cuts them off.
const longMs = 2 ** 31 - 1;

async function execHook(
  parts: KubeletParts,
  id: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ error: string; output: string } | undefined> {
  try {
    const { exitCode, stdout, stderr } = await parts.runtime.execSync(id, command, 0, signal);
    if (exitCode === 0) return undefined;
    return {
      error: `command '${command.join(' ')}' exited with ${exitCode}: ${stderr.toString()}`,
      output: Buffer.concat([stdout, stderr]).toString(),
    };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), output: '' };
  }
}

/** The error of a request, or undefined: any answer will do. */
async function httpHook(
  parts: KubeletParts,
  memory: PodMemory,
  container: Container,
  action: HTTPGetAction,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { pod, identity } = memory;
  const own = parts.watcher.get(identity.uid)?.ips[0];
  const podIP = pod?.spec?.hostNetwork === true ? (parts.node.hostIPs()[0] ?? '') : (own ?? '');
  if (!action.host && podIP === '') return `failed to find networking container: ${formatPod(identity)}`;
  const now = (): number => parts.clock.monotonic();
  const request = { ...httpTargetOf(action, container, podIP, 'lifecycle'), timeoutMs: longMs };
  const result = await getFollowing(parts.dialer, request, now, signal);
  // Only the answer's coming counts; a body that breaks off is no matter.
  if (result.ok || result.kind === 'body') return undefined;
  if (!result.message.includes('server gave HTTP response to HTTPS client')) return result.message;
  const headers = request.headers.filter(([name]) => name !== 'Authorization');
  const plain = { ...request, headers, target: { ...request.target, scheme: 'http' as const } };
  const again = await getFollowing(parts.dialer, plain, now, signal);
  if (!again.ok && again.kind !== 'body') return result.message;
  const address = joinHostPort(request.target.host, request.target.port);
  if (pod !== undefined) {
    const message = `request to HTTPS lifecycle hook ${address} got HTTP response, retry with HTTP succeeded`;
    parts.events.event(pod, 'Warning', 'LifecycleHTTPFallback', message);
  }
  return undefined;
}

/** Runs the handler to its end or until the signal aborts, which counts as a failure. Never rejects. */
export async function runHook(
  parts: KubeletParts,
  memory: PodMemory,
  { container, id, handler }: { container: Container; id: string; handler: LifecycleHandler },
  signal: AbortSignal,
): Promise<HookResult> {
  const whose = `for Container ${goQuote(container.name)} in Pod ${goQuote(formatPod(memory.identity))} failed`;
  const { exec, httpGet, sleep: pause, tcpSocket } = handler;
  if (exec) {
    const command = exec.command ?? [];
    const failure = await execHook(parts, id, command, signal);
    if (failure === undefined) return { ok: true };
    const text = `Exec lifecycle hook ([${command.join(' ')}]) ${whose} - error: ${failure.error}`;
    return { ok: false, message: `${text}, message: ${goQuote(failure.output)}` };
  }
  if (httpGet) {
    const error = await httpHook(parts, memory, container, httpGet, signal).catch(errorText);
    if (error === undefined) return { ok: true };
    return { ok: false, message: `HTTP lifecycle hook (${httpGet.path ?? ''}) ${whose} - error: ${error}` };
  }
  if (pause) {
    await sleep(parts.clock, pause.seconds * 1000, signal);
    if (!signal.aborted) return { ok: true };
    const text = `Sleep lifecycle hook (${pause.seconds}) ${whose}`;
    return { ok: false, message: `${text} - error: container terminated before sleep hook finished` };
  }
  const socket = tcpSocket ? `&TCPSocketAction{Port:${tcpSocket.port},Host:${tcpSocket.host ?? ''},}` : 'nil';
  const shown = `&LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:${socket},Sleep:nil,}`;
  return { ok: false, message: `Cannot run handler: invalid handler: ${shown}` };
}
