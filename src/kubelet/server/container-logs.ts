// /containerLogs/NAMESPACE/POD/CONTAINER: what a container wrote. Follows getContainerLogs in pkg/kubelet/server/server.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { isRuntimeError, type RuntimeService } from '../../cri/runtime.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Files } from '../../lib/system.ts';
import { logContainerId } from '../logs/log-status.ts';
import { readLogs } from '../logs/read-logs.ts';
import type { KubeletPods } from '../seams.ts';
import { logOptionsOf } from './log-options.ts';
import type { RouteHandler } from './respond.ts';
import { HttpError } from './route.ts';
import { type FindPod, quoted } from './streams.ts';

export interface ContainerLogsOptions {
  pods: KubeletPods;
  runtime: RuntimeService;
  files: Files;
  clock: Clock;
  findPod: FindPod;
}

function hasContainer(pod: Pod, name: string): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some((container) => container.name === name);
}

/** The handler. */
export function containerLogs({ pods, runtime, files, clock, findPod }: ContainerLogsOptions): RouteHandler {
  const logPathOf = async (id: string, signal: AbortSignal): Promise<string> => {
    const { logPath } = await runtime.containerStatus(id, {}, signal);
    if (logPath === '') throw new HttpError(400, `container ${quoted(id)} has no log`);
    return logPath;
  };

  return async ({ route: { parts, query }, signal }, response) => {
    const [namespace, podName = '', container = ''] = parts;
    if (container === '') throw new HttpError(400, '{"message": "Missing container name."}');
    const parsed = logOptionsOf(query, clock.now());
    if ('error' in parsed) throw new HttpError(422, parsed.error);
    const pod = findPod(namespace, podName);
    if (!hasContainer(pod, container))
      throw new HttpError(404, `container ${quoted(container)} not found in pod ${quoted(podName)}`);
    const uid = pod.metadata?.uid ?? '';
    const found = logContainerId(podName, pods.status(uid) ?? pod.status, container, parsed.previous);
    if ('error' in found) throw new HttpError(400, found.error);
    const ref = pods.containers(uid, container).find(({ id }) => id === found.id);
    const path = ref?.logPath || (await logPathOf(found.id, signal));
    const isRunning = async (): Promise<boolean> => {
      try {
        return (await runtime.containerStatus(found.id, {}, signal)).state === 'running';
      } catch (error) {
        // A runtime that is away for a moment ends no container.
        return !isRuntimeError(error, 'NotFound');
      }
    };
    const chunks = readLogs({ files, clock, path, isRunning }, parsed.options, signal);
    // The first chunk is had before the status is sent, so that a missing file is an error to the client.
    const first = parsed.options.follow ? undefined : await chunks.next();
    response.start(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' });
    if (first && !first.done) await response.write(first.value);
    for await (const chunk of chunks) await response.write(chunk);
    response.end();
  };
}
