// A container runtime without containers: keeps the CRI contract on injected time, acted out by pod annotations.

import type { Clock } from '../../lib/clock.ts';
import type { Dialer } from '../../lib/dialer.ts';
import type { Random } from '../../lib/random.ts';
import type { Files } from '../../lib/system.ts';
import type {
  ContainerConfig,
  ContainerFilter,
  ContainerStats,
  ExecSyncResult,
  LinuxResources,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeEvent,
  RuntimeService,
  RuntimeStatus,
  RuntimeVersion,
  Sandbox,
  SandboxConfig,
  SandboxFilter,
  SandboxStats,
  SandboxStatus,
} from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { AddressPool } from './addresses.ts';
import { answerCommand, createSimulatedDialer } from './answers.ts';
import { ContainerLog, criLines } from './container-log.ts';
import { EventFeed } from './event-feed.ts';
import { SimulatedImages } from './image-store.ts';
import { containerOf, matchesLabels, sandboxOf, type SimContainer, type SimSandbox, statsOf } from './records.ts';
import { Schedule } from '../../lib/schedule.ts';
import { containerScript, sandboxScript } from './script.ts';

export interface SimulatedRuntimeOptions {
  clock: Clock;
  random: Random;
  /** Where logs and termination messages go. */
  files: Files;
  /** The node's pod CIDR where it is known from the start; else updateRuntimeConfig brings it. */
  podCidr?: string;
  /** Shared by the nodes of one process; an own one when absent. */
  schedule?: Schedule;
}

// The kubelet tells by this annotation where in the container the termination message is written.
const messagePathAnnotation = 'io.kubernetes.container.terminationMessagePath';
const killed = 137;

/** A RuntimeService with its ImageService. Its state is its own: a kubelet that starts anew finds everything as it was. */
export class SimulatedRuntime implements RuntimeService {
  readonly images: SimulatedImages;
  /** Reaches what runs in it, as its scripts answer. */
  readonly dialer: Dialer;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #files: Files;
  readonly #schedule: Schedule;
  readonly #feed = new EventFeed();
  readonly #sandboxes = new Map<string, SimSandbox>();
  readonly #containers = new Map<string, SimContainer>();
  #podCidr = '';
  #addresses: AddressPool | undefined;

  constructor(options: SimulatedRuntimeOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#files = options.files;
    this.#schedule = options.schedule ?? new Schedule(options.clock);
    this.images = new SimulatedImages({
      delay: (ms, signal) => this.#delay(ms, signal),
      now: () => this.#clock.now(),
    });
    this.dialer = createSimulatedDialer(() => this.#sandboxes.values(), this.#clock);
    if (options.podCidr !== undefined) this.#setPodCidr(options.podCidr);
  }

  async version(): Promise<RuntimeVersion> {
    return { runtimeName: 'simulated', runtimeVersion: '1.0.0', runtimeApiVersion: 'v1' };
  }

  async status(): Promise<RuntimeStatus> {
    const networkReady = this.#addresses !== undefined;
    return {
      conditions: [
        { type: 'RuntimeReady', status: true, reason: '', message: '' },
        {
          type: 'NetworkReady',
          status: networkReady,
          reason: networkReady ? '' : 'NetworkPluginNotReady',
          message: networkReady ? '' : 'Network plugin returns error: no pod CIDR is known',
        },
      ],
      handlers: [{ name: '', recursiveReadOnlyMounts: true, userNamespaces: true }],
      features: { supplementalGroupsPolicy: true },
    };
  }

  async updateRuntimeConfig(podCidr: string): Promise<void> {
    this.#setPodCidr(podCidr);
  }

  async runtimeConfig(): Promise<{ cgroupDriver: 'systemd' | 'cgroupfs' }> {
    return { cgroupDriver: 'cgroupfs' };
  }

  async runPodSandbox(config: SandboxConfig, runtimeHandler = '', signal?: AbortSignal): Promise<string> {
    const script = this.#scripted(() => sandboxScript(config.annotations ?? {}, config.metadata.attempt));
    await this.#delay(script.delay, signal);
    if (script.fails) throw new RuntimeError('Unknown', script.failureMessage);
    const hostNetwork = config.linux?.securityContext?.namespaceOptions?.network === 'node';
    let address: string | undefined;
    if (!hostNetwork) {
      address = this.#addresses?.take();
      if (address === undefined) {
        const why = this.#addresses ? `no IP addresses available in range ${this.#podCidr}` : 'no pod CIDR is known';
        throw new RuntimeError('Unknown', `failed to setup network for sandbox: ${why}`);
      }
    }
    const id = this.#newId();
    const createdAt = this.#clock.now();
    this.#sandboxes.set(id, { id, config, runtimeHandler, state: 'ready', createdAt, address, containers: new Map() });
    this.#feed.emit({ type: 'created', id, at: createdAt });
    this.#feed.emit({ type: 'started', id, at: createdAt });
    return id;
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox || sandbox.state === 'notready') return;
    for (const container of sandbox.containers.values()) this.#end(container, killed);
    sandbox.state = 'notready';
    if (sandbox.address !== undefined) this.#addresses?.release(sandbox.address);
    this.#feed.emit({ type: 'stopped', id, at: this.#clock.now(), exitCode: 0 });
  }

  async removePodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    await this.stopPodSandbox(id);
    for (const container of sandbox.containers.keys()) await this.removeContainer(container);
    this.#sandboxes.delete(id);
    this.images.forgetPod(sandbox.config.metadata.uid);
    this.#feed.emit({ type: 'deleted', id, at: this.#clock.now() });
  }

  async podSandboxStatus(id: string): Promise<SandboxStatus> {
    const sandbox = this.#sandbox(id);
    const namespaceOptions = sandbox.config.linux?.securityContext?.namespaceOptions;
    return {
      ...sandboxOf(sandbox),
      ips: sandbox.state === 'ready' && sandbox.address !== undefined ? [sandbox.address] : [],
      ...(namespaceOptions ? { namespaceOptions } : {}),
    };
  }

  async listPodSandbox(filter: SandboxFilter = {}): Promise<Sandbox[]> {
    return this.#filteredSandboxes(filter).map(sandboxOf);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandbox(sandboxId);
    if (sandbox.state !== 'ready') throw new RuntimeError('Unknown', `sandbox container "${sandboxId}" is not running`);
    const { name, attempt } = config.metadata;
    const script = this.#scripted(() => containerScript(sandbox.config.annotations ?? {}, name, attempt));
    if (script.failure === 'create') throw new RuntimeError('Unknown', script.failureMessage);
    const image = this.images.find(config.image.image);
    if (!image) {
      throw new RuntimeError('NotFound', `failed to resolve image "${config.image.image}": not found`);
    }
    const id = this.#newId();
    const logPath = `${sandbox.config.logDirectory ?? ''}/${config.logPath ?? id}`;
    const container: SimContainer = {
      id,
      sandbox,
      config,
      imageId: image.id,
      script,
      state: 'created',
      createdAt: this.#clock.now(),
      startedAt: undefined,
      finishedAt: undefined,
      exitCode: 0,
      reason: '',
      message: '',
      exit: undefined,
      stopping: undefined,
      logging: undefined,
      log: new ContainerLog(this.#files, logPath),
      waiters: [],
      resources: config.linux?.resources,
    };
    this.#containers.set(id, container);
    sandbox.containers.set(id, container);
    this.#feed.emit({ type: 'created', id, at: container.createdAt });
    return id;
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.#container(id);
    if (container.state !== 'created') {
      throw new RuntimeError('Unknown', `container "${id}" is in state ${container.state}, not created`);
    }
    await this.#delay(container.script.startDelay, signal);
    if (container.script.failure === 'start') {
      const now = this.#clock.now();
      Object.assign(container, {
        state: 'exited',
        startedAt: now,
        finishedAt: now,
        exitCode: 128,
        reason: 'StartError',
      });
      container.message = container.script.failureMessage;
      throw new RuntimeError('Unknown', container.script.failureMessage);
    }
    // Its sandbox may have been stopped during the delay.
    if (container.sandbox.state !== 'ready' || container.state !== 'created') {
      throw new RuntimeError('Unknown', `sandbox container "${container.sandbox.id}" is not running`);
    }
    container.state = 'running';
    container.startedAt = this.#clock.now();
    this.#feed.emit({ type: 'started', id, at: container.startedAt });
    const { runTime, exitCode } = container.script;
    if (runTime !== undefined)
      container.exit = this.#schedule.after(runTime, () => this.#end(container, exitCode, true));
    await this.#print(container);
  }

  stopContainer(id: string, timeoutSeconds: number, signal?: AbortSignal): Promise<void> {
    const container = this.#containers.get(id);
    if (!container || container.state !== 'running') return Promise.resolve();
    const { stopTime, stopExitCode } = container.script;
    const grace = Math.max(0, timeoutSeconds) * 1_000;
    const kill = grace < stopTime || grace === 0;
    const due = this.#clock.monotonic() + (kill ? grace : stopTime);
    // A later call may only bring the end forward.
    if (!container.stopping || due < container.stopping.at) {
      this.#schedule.cancel(container.stopping);
      const stopping = this.#schedule.after(due - this.#clock.monotonic(), () =>
        this.#end(container, kill ? killed : stopExitCode),
      );
      container.stopping = stopping;
      // Whoever gave up waiting sends no KILL any more; TERM was sent.
      const giveUp = (): void => {
        if (!kill || container.stopping !== stopping) return;
        this.#schedule.cancel(stopping);
        container.stopping = undefined;
      };
      signal?.addEventListener('abort', giveUp, { once: true });
    }
    return this.#ended(container, signal);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    this.#end(container, killed);
    this.#containers.delete(id);
    container.sandbox.containers.delete(id);
    this.#feed.emit({ type: 'deleted', id, at: this.#clock.now() });
  }

  async listContainers(filter: ContainerFilter = {}): Promise<RuntimeContainer[]> {
    return this.#filteredContainers(filter).map(containerOf);
  }

  async containerStatus(id: string): Promise<RuntimeContainerStatus> {
    const container = this.#container(id);
    const { config, startedAt, finishedAt, resources } = container;
    return {
      ...containerOf(container),
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(finishedAt === undefined ? {} : { finishedAt }),
      exitCode: container.exitCode,
      reason: container.reason,
      message: container.message,
      mounts: config.mounts ?? [],
      logPath: `${container.sandbox.config.logDirectory ?? ''}/${config.logPath ?? id}`,
      ...(resources ? { resources } : {}),
      ...(config.stopSignal === undefined ? {} : { stopSignal: config.stopSignal }),
    };
  }

  async updateContainerResources(id: string, resources: LinuxResources): Promise<void> {
    const container = this.#container(id);
    container.resources = { ...container.resources, ...resources };
  }

  async execSync(
    id: string,
    _cmd: readonly string[],
    timeoutSeconds?: number,
    signal?: AbortSignal,
  ): Promise<ExecSyncResult> {
    return await answerCommand(this.#clock, this.#container(id), timeoutSeconds, signal);
  }

  async exec(): Promise<string> {
    throw notSimulated('exec');
  }

  async attach(): Promise<string> {
    throw notSimulated('attach');
  }

  async portForward(): Promise<string> {
    throw notSimulated('port-forward');
  }

  async containerStats(id: string): Promise<ContainerStats> {
    return statsOf(this.#container(id), this.#clock.now());
  }

  async listContainerStats(filter: Omit<ContainerFilter, 'state'> = {}): Promise<ContainerStats[]> {
    return this.#filteredContainers({ ...filter, state: 'running' }).map((container) =>
      statsOf(container, this.#clock.now()),
    );
  }

  async listPodSandboxStats(filter: Omit<SandboxFilter, 'state'> = {}): Promise<SandboxStats[]> {
    return this.#filteredSandboxes(filter).map(({ id, config, containers }) => ({
      id,
      metadata: config.metadata,
      labels: config.labels ?? {},
      annotations: config.annotations ?? {},
      containers: [...containers.values()]
        .filter(({ state }) => state === 'running')
        .map((each) => statsOf(each, this.#clock.now())),
    }));
  }

  async reopenContainerLog(id: string): Promise<void> {
    const container = this.#container(id);
    if (container.state !== 'running') throw new RuntimeError('Unknown', 'container is not running');
    await container.log.append('');
  }

  events(signal: AbortSignal, types?: readonly RuntimeEvent['type'][]): AsyncIterable<RuntimeEvent> {
    return this.#feed.subscribe(signal, types);
  }

  #setPodCidr(podCidr: string): void {
    if (podCidr === '' || podCidr === this.#podCidr) return;
    // A node's CIDR never changes once set; addresses in use would not be known to a new pool.
    if (this.#addresses) throw new RuntimeError('FailedPrecondition', `the pod CIDR is already ${this.#podCidr}`);
    this.#addresses = new AddressPool(podCidr.split(',')[0] ?? podCidr);
    this.#podCidr = podCidr;
  }

  #newId(): string {
    return (this.#random.uuid() + this.#random.uuid()).replaceAll('-', '');
  }

  #sandbox(id: string): SimSandbox {
    const found = this.#sandboxes.get(id);
    if (!found) throw new RuntimeError('NotFound', 'an error occurred when try to find sandbox: not found');
    return found;
  }

  #container(id: string): SimContainer {
    const found = this.#containers.get(id);
    if (!found) throw new RuntimeError('NotFound', `an error occurred when try to find container "${id}": not found`);
    return found;
  }

  #filteredSandboxes(filter: SandboxFilter): SimSandbox[] {
    const one = filter.id === undefined ? undefined : this.#sandboxes.get(filter.id);
    const from = filter.id === undefined ? [...this.#sandboxes.values()] : one ? [one] : [];
    return from.filter(
      ({ state, config }) =>
        (filter.state === undefined || filter.state === state) && matchesLabels(config.labels, filter.labelSelector),
    );
  }

  #filteredContainers(filter: ContainerFilter): SimContainer[] {
    const all = filter.sandboxId === undefined ? this.#containers : this.#sandboxes.get(filter.sandboxId)?.containers;
    const one = filter.id === undefined ? undefined : this.#containers.get(filter.id);
    const from = filter.id === undefined ? [...(all?.values() ?? [])] : one ? [one] : [];
    return from.filter(
      ({ state, sandbox, config }) =>
        (filter.state === undefined || filter.state === state) &&
        (filter.sandboxId === undefined || filter.sandboxId === sandbox.id) &&
        matchesLabels(config.labels, filter.labelSelector),
    );
  }

  /** A slip in an annotation is reported as the runtime's refusal. */
  #scripted<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw new RuntimeError('InvalidArgument', error instanceof Error ? error.message : String(error));
    }
  }

  #delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(canceled());
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#schedule.cancel(scheduled);
        reject(canceled());
      };
      const scheduled = this.#schedule.after(ms, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  #ended(container: SimContainer, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(canceled());
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(canceled());
      container.waiters.push(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** Writes the script's logs, now and at the interval. */
  async #print(container: SimContainer): Promise<void> {
    const { stdout, stderr, logInterval } = container.script;
    const now = this.#clock.now();
    if (logInterval !== undefined && logInterval > 0) {
      container.logging = this.#schedule.after(logInterval, () => {
        if (container.state === 'running') void this.#print(container);
      });
    }
    await container.log.append(criLines(stdout, 'stdout', now) + criLines(stderr, 'stderr', now));
  }

  #end(container: SimContainer, exitCode: number, byItself = false): void {
    if (container.state !== 'running') return;
    const { script } = container;
    for (const scheduled of [container.exit, container.stopping, container.logging]) this.#schedule.cancel(scheduled);
    container.state = 'exited';
    container.finishedAt = this.#clock.now();
    container.exitCode = exitCode;
    container.reason = (byItself ? script.exitReason : undefined) ?? (exitCode === 0 ? 'Completed' : 'Error');
    const { id, finishedAt } = container;
    void this.#leaveMessage(container).then(() => {
      if (container.reason === 'OOMKilled') this.#feed.emit({ type: 'oom', id, at: finishedAt });
      this.#feed.emit({ type: 'stopped', id, at: finishedAt, exitCode });
      for (const wake of container.waiters.splice(0)) wake();
    });
  }

  /** Writes the scripted termination message through the mount that the kubelet made for it, before anyone hears of the end. */
  async #leaveMessage({ script, config }: SimContainer): Promise<void> {
    if (script.message === '') return;
    const path = config.annotations?.[messagePathAnnotation];
    const mount = config.mounts?.find(({ containerPath }) => containerPath === path);
    // Without the mount (or with a read-only disk) there is no message, as with a real container that cannot write it.
    if (mount) await this.#files.writeFile(mount.hostPath, script.message).catch(() => {});
  }
}

const canceled = (): RuntimeError => new RuntimeError('Canceled', 'context canceled');

const notSimulated = (what: string): RuntimeError =>
  new RuntimeError(
    'Unimplemented',
    `${what} is not possible: the containers of this node are simulated and run no process`,
  );
