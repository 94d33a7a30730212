// One pass over a pod that shall run: report, prepare, decide, do, report.
// Follows pkg/kubelet/kubelet.go SyncPod and kuberuntime SyncPod of v1.36.

import type { Pod } from '../api/generated/types.ts';
import { isSidecar } from '../api/pod/containers.ts';
import { parseTime } from '../api/meta/time.ts';
import type { SandboxConfig, SandboxStatus } from '../cri/runtime.ts';
import { deadlineOf, decidePod, sandboxNeed } from './decide/decide-pod.ts';
import type { PodAction } from './decide/pod-action.ts';
import { graceSecondsOf } from './decide/decide-termination.ts';
import { removeContainerLogs } from './logs/container-log-files.ts';
import { errorText, type KubeletParts, type PodMemory, report, runtimeOf } from './pod-context.ts';
import { podCgroupLimits } from './cgroups/pod-cgroups.ts';
import { killContainer } from './hooks/kill-container.ts';
import { containerFieldPath } from './pod-events.ts';
import { resetContainers } from './reset-containers.ts';
import { actuateResize } from './resize/actuate-resize.ts';
import { planResize, type ResizePlan } from './resize/plan-resize.ts';
import type { RuntimePod } from './runtime-pod.ts';
import type { VolumesResult } from './seams.ts';
import { startContainer } from './start-container.ts';
import { isTerminalPhase } from './status/phase.ts';

/** What a pass ends with: a finished pod, or the latest moment (ms since the epoch) for the next pass. */
export type SyncResult = { finished: true } | { finished: false; wakeAt: number };

const resyncMs = 60_000;
/** After a failed step, as upstream's backOffPeriod. */
const retryMs = 10_000;
const networkRetryMs = 1000;
/** The back-off of volumes that cannot be set up, as pkg/util/goroutinemap/exponentialbackoff has it. */
const firstMountRetryMs = 500;
const maxMountRetryMs = 122_000;
/** The BackOff event is repeated about this often while a container or its image is held. */
const backOffEventMs = 15_000;

const deadlineFailure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

/** Marks the pod failed when its deadline is over. Gives the deadline, ms since the epoch. */
function checkDeadline(parts: KubeletParts, memory: PodMemory, pod: Pod): number | undefined {
  const started = parts.statuses.get(memory.identity.uid)?.startTime ?? pod.status?.startTime;
  const deadline = deadlineOf(pod, parseTime(started));
  if (deadline !== undefined && deadline <= parts.clock.now() && memory.failure === undefined) {
    memory.failure = deadlineFailure;
    parts.events.event(pod, 'Normal', deadlineFailure.reason, deadlineFailure.message);
  }
  return deadline;
}

/** One pass. Rejects when the signal aborts, and when the runtime or another part fails as a whole. */
export async function syncPod(parts: KubeletParts, memory: PodMemory, signal: AbortSignal): Promise<SyncResult> {
  if (memory.pod === undefined) return { finished: true };
  const pod = parts.resizes.allocated(memory.pod);
  const runtime = await runtimeOf(parts, memory);
  const deadline = checkDeadline(parts, memory, pod);
  if (isTerminalPhase(report(parts, memory, runtime, 'running')?.phase)) return { finished: true };
  const pass = new Pass(parts, memory, pod, signal);
  // A first report sets the start time, from which the deadline counts.
  const due = deadline ?? checkDeadline(parts, memory, pod);
  if (due !== undefined) pass.wakeBy(due);
  await pass.run(runtime);
  const after = await runtimeOf(parts, memory);
  // It may have been given something else while the pass was under way.
  const given = parts.resizes.allocated(memory.pod);
  if ((await resizePlan(parts, given, after)) === undefined) parts.resizes.settled(given);
  const finished = isTerminalPhase(report(parts, memory, after, 'running')?.phase);
  return finished ? { finished } : { finished, wakeAt: pass.wakeAt };
}

/** An init container that is not started holds up the rest; a sidecar does not. */
const endsPass = ({ kind, container }: Extract<PodAction, { type: 'start-container' | 'back-off' }>): boolean =>
  kind === 'init' && !isSidecar(container);

/** What is to be done so that the pod's cgroup and its running containers have what they were given. */
async function resizePlan(parts: KubeletParts, pod: Pod, runtime: RuntimePod): Promise<ResizePlan | undefined> {
  const now = await parts.cgroups.limits(pod);
  return planResize({
    pod,
    runtime,
    actuated: parts.resizes.view(pod).actuated,
    podLimits: now && { now, wanted: podCgroupLimits(pod) },
  });
}

/** The steps of one pass, which share the sandbox and the moment of the next pass. */
class Pass {
  readonly #parts: KubeletParts;
  readonly #memory: PodMemory;
  readonly #pod: Pod;
  readonly #signal: AbortSignal;
  wakeAt: number;

  constructor(parts: KubeletParts, memory: PodMemory, pod: Pod, signal: AbortSignal) {
    this.#parts = parts;
    this.#memory = memory;
    this.#pod = pod;
    this.#signal = signal;
    this.wakeAt = parts.clock.now() + resyncMs * (1 + parts.random.float() * 0.1);
  }

  wakeBy(at: number): void {
    this.wakeAt = Math.min(this.wakeAt, at);
  }

  #retryIn(ms: number): void {
    this.wakeBy(this.#parts.clock.now() + ms);
  }

  /** Prepares what the pod stands on; undefined when it must wait. */
  async #prepare(): Promise<{ cgroupParent: string; mounts: ReadonlyMap<string, string> } | undefined> {
    const { node, cgroups, volumes, events, logger } = this.#parts;
    const networkError = this.#pod.spec?.hostNetwork === true ? undefined : node.networkError();
    if (networkError !== undefined) {
      events.event(this.#pod, 'Warning', 'NetworkNotReady', `network is not ready: ${networkError}`);
      this.#retryIn(networkRetryMs);
      return undefined;
    }
    const [cgroup, prepared] = await Promise.all([
      cgroups.ensure(this.#pod).then(
        (parent) => ({ parent }),
        (error: unknown) => ({ error }),
      ),
      volumes.prepare(this.#pod, this.#signal),
    ]);
    this.#signal.throwIfAborted();
    if ('error' in cgroup) {
      const message = `unable to ensure pod container exists: ${errorText(cgroup.error)}`;
      events.event(this.#pod, 'Warning', 'FailedCreatePodContainer', message);
      this.#retryIn(retryMs);
      return undefined;
    }
    if (prepared.ok) {
      this.#memory.mountFailures = 0;
      this.#memory.mountRetryAt = 0;
      return { cgroupParent: cgroup.parent, mounts: prepared.mounts };
    }
    this.#holdForVolumes(prepared);
    logger.debug('volumes are not ready', { pod: this.#memory.identity.name, messages: prepared.messages });
    return undefined;
  }

  /** Passes in between (a source has come, the pod has changed) try silently; the event keeps to the back-off. */
  #holdForVolumes({ reason, messages }: Extract<VolumesResult, { ok: false }>): void {
    const memory = this.#memory;
    const now = this.#parts.clock.now();
    if (now >= memory.mountRetryAt) {
      for (const message of messages) this.#parts.events.event(this.#pod, 'Warning', reason, message);
      memory.mountRetryAt = now + Math.min(firstMountRetryMs * 2 ** memory.mountFailures++, maxMountRetryMs);
    }
    this.wakeBy(memory.mountRetryAt);
  }

  /** Decides and does. */
  async run(runtime: RuntimePod): Promise<void> {
    const prepared = await this.#prepare();
    if (prepared === undefined) return;
    await this.#parts.images.checkPullSecrets(this.#pod, this.#signal);
    const { backoffs, minAttempt, identity } = this.#memory;
    const previous = this.#parts.statuses.get(identity.uid);
    const resize = await resizePlan(this.#parts, this.#pod, runtime);
    if (resize?.isResize === true) this.#parts.resizes.progressing(this.#pod);
    const actions = decidePod(
      { pod: this.#pod, runtime, backoffs, minAttempt, probes: this.#parts.probes.verdict, previous, resize },
      this.#parts.clock.now(),
    );
    const newest = runtime.sandboxes[0];
    let sandbox: SandboxStatus | undefined = sandboxNeed(this.#pod, runtime).needed ? undefined : newest;
    let sandboxConfig: SandboxConfig | undefined;
    // While its sandbox is made, the runtime has time to look for the first container's image.
    const first = actions.find((action) => action.type === 'start-container');
    let imageSeen: Promise<string | undefined> | undefined;
    for (const action of actions) {
      this.#signal.throwIfAborted();
      switch (action.type) {
        case 'stop-sandboxes':
          await this.#stopSandboxes(runtime, action.announce);
          break;
        case 'remove-container':
          await this.#parts.runtime.removeContainer(action.id);
          this.#memory.dirty = true;
          break;
        case 'kill-container':
          await this.#kill(action.id, action.name, action.message, action.graceSeconds);
          break;
        case 'reset-containers':
          await resetContainers(this.#parts, this.#memory, action, this.#signal);
          this.#retryIn(0);
          break;
        case 'create-sandbox':
          sandboxConfig = await this.#configureSandbox(action.attempt, prepared.cgroupParent);
          if (sandboxConfig === undefined) return;
          if (first !== undefined) imageSeen = this.#parts.images.lookAhead(first.container, this.#signal);
          sandbox = await this.#createSandbox(sandboxConfig, action.attempt);
          if (sandbox === undefined) return;
          break;
        case 'resize':
          if (!(await actuateResize(this.#parts, this.#pod, action.plan))) this.#retryIn(retryMs);
          break;
        case 'back-off':
          this.#holdBack(action);
          if (endsPass(action)) return;
          break;
        case 'start-container': {
          if (sandbox === undefined) return;
          sandboxConfig ??= await this.#buildSandbox(sandbox.metadata.attempt, prepared.cgroupParent);
          const started = await startContainer(this.#parts, this.#memory, action, {
            pod: this.#pod,
            runtime,
            sandboxId: sandbox.id,
            sandboxConfig,
            podIPs: this.#pod.spec?.hostNetwork === true ? this.#parts.node.hostIPs() : sandbox.ips,
            mounts: prepared.mounts,
            imageSeen: action === first ? await imageSeen : undefined,
            signal: this.#signal,
          });
          if (started.ok) {
            await this.#reportStart();
            // A running sidecar lets the next container start at once.
            if (action.kind === 'init' && isSidecar(action.container)) this.#retryIn(0);
          } else {
            this.#retryIn(Math.min(started.retryAfterMs ?? retryMs, backOffEventMs));
            if (endsPass(action)) return;
          }
          break;
        }
        default:
          action satisfies never;
      }
    }
    await this.#prune();
  }

  /** Tells the API of a container that runs now, without waiting for the others. Where this pass killed one, how that ended is looked up. */
  async #reportStart(): Promise<void> {
    report(this.#parts, this.#memory, await runtimeOf(this.#parts, this.#memory), 'running');
  }

  #buildSandbox(attempt: number, cgroupParent: string): Promise<SandboxConfig> {
    return this.#parts.sandboxConfig.build(this.#pod, { attempt, cgroupParent, signal: this.#signal });
  }

  /** The config of a new sandbox; undefined, with the event, for a spec that this node cannot do. */
  async #configureSandbox(attempt: number, cgroupParent: string): Promise<SandboxConfig | undefined> {
    try {
      return await this.#buildSandbox(attempt, cgroupParent);
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#parts.events.event(
        this.#pod,
        'Warning',
        'FailedCreatePodSandBox',
        `Failed to create pod sandbox: ${errorText(error)}`,
      );
      this.#retryIn(retryMs);
      return undefined;
    }
  }

  async #createSandbox(config: SandboxConfig, attempt: number): Promise<SandboxStatus | undefined> {
    const { runtime, runtimeHandlers, watcher, events, limiter } = this.#parts;
    let id: string;
    try {
      const handler = await runtimeHandlers(this.#pod.spec?.runtimeClassName, this.#signal);
      id = await limiter.run(() => {
        this.#signal.throwIfAborted();
        return runtime.runPodSandbox(config, handler);
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      const text = error instanceof Error ? error.message : String(error);
      // A half-made sandbox may still hold its name.
      if (/is reserved for|already exists/.test(text)) this.#memory.minAttempt = attempt + 1;
      events.event(this.#pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${text}`);
      this.#memory.dirty = true;
      this.#retryIn(retryMs);
      return undefined;
    }
    watcher.noteId(this.#memory.identity.uid, id);
    try {
      const sandbox = await runtime.podSandboxStatus(id);
      watcher.noteSandbox(this.#memory.identity, sandbox);
      return sandbox;
    } catch (error) {
      events.event(
        this.#pod,
        'Warning',
        'FailedStatusPodSandBox',
        `Unable to get pod sandbox status: ${errorText(error)}`,
      );
      this.#memory.dirty = true;
      this.#retryIn(retryMs);
      return undefined;
    }
  }

  async #stopSandboxes(runtime: RuntimePod, announce: boolean): Promise<void> {
    const { events } = this.#parts;
    if (announce) {
      events.event(this.#pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    }
    const running = runtime.containers.filter((c) => c.state === 'running' || c.state === 'unknown');
    await Promise.all(running.map((c) => this.#kill(c.id, c.name, `Stopping container ${c.name}`)));
    for (const sandbox of runtime.sandboxes) await this.#parts.runtime.stopPodSandbox(sandbox.id);
    this.#memory.dirty = true;
  }

  #kill(id: string, name: string, message: string, graceSeconds?: number): Promise<void> {
    const grace = graceSeconds ?? graceSecondsOf(this.#pod, { gone: false });
    return killContainer(this.#parts, this.#memory, { id, name }, { message, graceSeconds: grace }, this.#signal);
  }

  #holdBack(action: Extract<PodAction, { type: 'back-off' }>): void {
    const { name } = action.container;
    const { identity, reasons } = this.#memory;
    const message = `Back-off restarting failed container ${name} in pod ${identity.name}_${identity.namespace}(${identity.uid})`;
    this.#parts.events.event(this.#pod, 'Warning', 'BackOff', message, containerFieldPath(this.#pod, name));
    reasons.set(name, { reason: 'CrashLoopBackOff', message: action.message });
    this.wakeBy(Math.min(action.until, this.#parts.clock.now() + backOffEventMs));
  }

  /** Removes dead instances beyond the newest of each container, with their logs, and empty old sandboxes. */
  async #prune(): Promise<void> {
    const { runtime, watcher, files, logger } = this.#parts;
    const held = watcher.get(this.#memory.identity.uid);
    if (held === undefined) return;
    const kept = new Set<string>();
    const surplus = held.containers.filter((c) => {
      if (c.state !== 'exited') return false;
      if (kept.has(c.name)) return true;
      kept.add(c.name);
      return false;
    });
    const oldSandboxes =
      surplus.length === 0 && held.sandboxes.length < 2
        ? []
        : held.sandboxes.slice(2).filter((s) => s.state === 'notready');
    if (surplus.length === 0 && oldSandboxes.length === 0) return;
    try {
      for (const container of surplus) {
        await runtime.removeContainer(container.id);
        if (container.logPath !== '') await removeContainerLogs(files, container.logPath).catch(() => undefined);
      }
      for (const sandbox of oldSandboxes) await runtime.removePodSandbox(sandbox.id);
    } catch (error) {
      logger.debug('could not remove dead containers', { pod: this.#memory.identity.name, error: errorText(error) });
    }
    this.#memory.dirty = true;
  }
}
