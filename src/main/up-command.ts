// `peapod up`: starts everything in order, says each step with its time, applies manifests, and ends it all again on a signal.

import { realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { apiServiceAddress } from '../apiserver/bootstrap-service.ts';
import type { OnExit, UpOptions } from '../cli/program.ts';
import { lineView, liveTableView, waitForPods } from '../cli/wait-for-pods.ts';
import { hostFiles } from '../host/files.ts';
import { installMissing } from '../host/install.ts';
import { type Instance, instanceOf } from '../host/instance.ts';
import { primaryAddress } from '../host/machine.ts';
import { giveBackMemoryOfStart } from '../host/memory-of-start.ts';
import { gatewayOf, redirectApi } from '../host/network.ts';
import { portOwner } from '../host/port-owner.ts';
import { hostProcesses } from '../host/processes.ts';
import { pullProgress } from '../host/pull-progress.ts';
import { realClock } from '../host/real-clock.ts';
import { overReserved, type NodeReservations } from '../kubelet/node-status/node-allocatable.ts';
import { unsafeSysctlProblem } from '../kubelet/decide/sysctl-allowlist.ts';
import type { Logger } from '../lib/logger.ts';
import { StoreInUseError } from '../store/embedded-lock.ts';
import { applyFiles } from './apply-files.ts';
import { type AuthenticationSettings, authenticationSettings } from './authentication-settings.ts';
import { cidrClaims, noCidrClaims } from './cidr-claims.ts';
import { type ComponentSettings, componentSettings } from './component-settings.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type DataDir, dataDirPaths, defaultDataDir } from './data-dir.ts';
import { fileLogger } from './logger.ts';
import { importArchives, type MachineRuntime, startMachineRuntime } from './machine-runtime.ts';
import { type RunningNode, startNode } from './node.ts';
import type { Progress } from './progress.ts';
import { readRunRecord, removeRunRecord, writeRunRecord } from './run-record.ts';
import { reservationSettings } from './reservation-settings.ts';
import { nodeRange, resolveSettings, type Settings } from './settings.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';
import { stopInstance } from './stop-instance.ts';
import { type UpkeepSettings, upkeepSettings } from './upkeep-settings.ts';
import { UserError } from './user-error.ts';
import { peapodVersion } from './version.ts';
import { withoutApi } from './without-api.ts';

/** What a start is made of; ended in the opposite order. */
interface Run {
  options: UpOptions;
  runtime: 'containerd' | 'simulated';
  paths: DataDir;
  instance: Instance;
  settings: Settings;
  components: ComponentSettings;
  access: AuthenticationSettings;
  upkeep: UpkeepSettings;
  reservations: NodeReservations;
  logger: Logger;
  progress: Progress;
  controlPlane?: ControlPlane;
  machine?: MachineRuntime;
  nodes: RunningNode[];
}

/** What runs containers: as asked for, or what this machine allows, with the reason where that is less. */
function chooseRuntime(asked: UpOptions['runtime']): { runtime: Run['runtime']; note?: string } {
  const notLinux = process.platform === 'linux' ? undefined : `this is ${process.platform}, not Linux`;
  const why = notLinux ?? (process.getuid?.() === 0 ? undefined : 'this is not root');
  if (asked === 'simulated') return { runtime: 'simulated' };
  if (why === undefined) return { runtime: 'containerd' };
  if (asked === 'auto') return { runtime: 'simulated', note: `containers will be simulated: ${why}` };
  throw new UserError(`real containers need root on Linux: ${why} (try --runtime simulated)`);
}

async function refuseSecondStart(paths: DataDir): Promise<void> {
  const other = await readRunRecord(paths.runRecord);
  if (!other) return;
  throw new UserError(
    `${paths.root} is in use: peapod (process ${other.process.pid}) runs on it, API at ${other.server}. ` +
      `Stop it with "peapod down --data-dir ${paths.root}", or name another --data-dir`,
  );
}

/** Failures to start in words that say what to do about them. */
function explain(error: unknown, { options, paths }: Run): unknown {
  if (error instanceof StoreInUseError) return new UserError(`${paths.root} is in use: ${error.message}`);
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error) || error.syscall !== 'listen')
    return error;
  const port = 'port' in error && typeof error.port === 'number' ? error.port : options.port;
  if (error.code === 'EACCES')
    return new UserError(`port ${port} may not be opened by this user: name a port above 1023`);
  if (error.code !== 'EADDRINUSE') return error;
  const owner = portOwner(port);
  const option = port === options.port ? '--port' : '--kubelet-port';
  return new UserError(
    `port ${port} is taken by ${owner ? `process ${owner}` : 'another process'}: stop it, or name another ${option}`,
  );
}

/** Aborts on the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once. */
function endSignal(): AbortSignal {
  const ending = new AbortController();
  const onSignal = (): void => {
    if (ending.signal.aborted) process.exit(130);
    ending.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return ending.signal;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );

async function prepare(options: UpOptions, progress: Progress): Promise<Run> {
  const components = componentSettings(options);
  const access = await authenticationSettings(options);
  if (options.withoutApi && options.files.length > 0)
    throw new UserError('--without-api leaves nobody to apply files to: put static pods into the manifests folder');
  parallelPulls(options);
  const upkeep = upkeepSettings(options);
  const reservations = reservationSettings(options);
  const { runtime, note } = chooseRuntime(options.runtime);
  const problem = options.allowedUnsafeSysctls.map(unsafeSysctlProblem).find((each) => each !== undefined);
  if (problem !== undefined) throw new UserError(`--allowed-unsafe-sysctls: ${problem}`);
  const paths = dataDirPaths(options.dataDir);
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  if (options.podManifestPath === undefined) await mkdir(paths.manifests, { recursive: true, mode: 0o700 });
  await refuseSecondStart(paths);
  progress.line(`peapod ${peapodVersion()} (Kubernetes API v1.36), data folder ${paths.root}`);
  if (note) progress.line(note);
  const real = runtime === 'containerd';
  if (real) await installMissing(hostProcesses, (line) => progress.step(line));
  const instance = instanceOf(realpathSync(paths.root));
  const settings = await resolveSettings(
    hostFiles,
    paths.settings,
    options,
    real ? cidrClaims(instance.id) : noCidrClaims,
  );
  return {
    options,
    runtime,
    paths,
    instance,
    settings,
    components,
    access,
    upkeep,
    reservations,
    logger: fileLogger(paths.log),
    progress,
    nodes: [],
  };
}

/** The names of all nodes, the first being this machine's (or standing for it). */
function nodeNames({ options, runtime }: Run): { own: string; simulated: string[] } {
  const own =
    options.nodeName ??
    (hostname()
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, '-') ||
      'node');
  const more = Array.from({ length: options.nodes }, (_, i) => `sim-${i + 1}`);
  return { own, simulated: runtime === 'simulated' ? [own, ...more] : more };
}

const manifestsOf = ({ options, paths }: Run): string => resolve(options.podManifestPath ?? paths.manifests);

/** How many images are pulled at a time. Follows the checks of pkg/kubelet/apis/config/validation. Throws UserError. */
function parallelPulls({ serializeImagePulls, maxParallelImagePulls }: UpOptions): number {
  if (serializeImagePulls && (maxParallelImagePulls ?? 1) > 1)
    throw new UserError(
      `invalid configuration: maxParallelImagePulls ${maxParallelImagePulls} cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) set to false`,
    );
  return serializeImagePulls ? 1 : (maxParallelImagePulls ?? Number.POSITIVE_INFINITY);
}

/** Throws a UserError where more is kept back than the machine has. */
async function refuseOverReservation({ reservations, instance }: Run, { machine }: MachineRuntime): Promise<void> {
  const { totalBytes: storageBytes } = await hostFiles.statfs(instance.kubeletDir);
  const whole = { cpuMillis: machine.cpuCount * 1000, memoryBytes: machine.memoryBytes, storageBytes };
  const short = overReserved(whole, reservations);
  if (short !== undefined)
    throw new UserError(`--kube-reserved and --system-reserved keep back more ${short} than this machine has`);
}

async function startOwnNode(run: Run, controlPlane: ControlPlane, machine: MachineRuntime): Promise<RunningNode> {
  const { instance, settings, logger } = run;
  await refuseOverReservation(run, machine);
  const { own } = nodeNames(run);
  return await startNode({
    name: own,
    client: controlPlane.clientAs(`system:node:${own}`, ['system:nodes']),
    runtime: machine.connection.runtime,
    images: machine.connection.images,
    imageViews: machine.connection.imageViews,
    machine: machine.machine,
    // Its pods' folder is the one that is shared with containerd's mounts, and that the end of the instance clears.
    root: instance.kubeletDir,
    podLogs: instance.podLogsDir,
    podCidr: nodeRange(settings.podCidr, 0),
    addresses: [await primaryAddress()],
    kubeletPort: settings.kubeletPort,
    anyKubeletPort: run.options.kubeletPort === undefined,
    reservations: run.reservations,
    pki: controlPlane.pki,
    cgroupRoot: instance.cgroupRoot,
    real: true,
    allowPrivileged: run.options.nodeAllowPrivileged,
    allowedUnsafeSysctls: run.options.allowedUnsafeSysctls,
    parallelPulls: parallelPulls(run.options),
    pullProgress: () => pullProgress(instance),
    upkeep: run.upkeep,
    keepImages: [machine.infraImage],
    certificateFile: `kubelet-${own}`,
    manifests: manifestsOf(run),
    gates: run.components.gates,
    logger,
  });
}

/** Lets the pods of this machine reach the API under the address of its service. */
async function openApiToPods({ instance, settings }: Run, { port, listenAlso }: ControlPlane): Promise<void> {
  const gateway = gatewayOf(nodeRange(settings.podCidr, 0));
  await listenAlso(gateway);
  const service = { address: apiServiceAddress(settings.serviceCidr), port: 443 };
  await redirectApi(hostProcesses, instance, service, { address: gateway, port });
}

async function startAll(run: Run): Promise<void> {
  const { options, paths, instance, settings, logger, progress, runtime } = run;
  const startingMachine =
    runtime === 'containerd'
      ? startMachineRuntime({
          instance,
          nodePodCidr: nodeRange(settings.podCidr, 0),
          clusterPodCidr: settings.podCidr,
          mirrors: options.registryMirrors,
          logger,
        })
      : undefined;
  // It is awaited below; until then a failure of it must not end the process.
  startingMachine
    ?.then((machine) => {
      run.machine = machine;
    })
    .catch(() => {});
  try {
    const controlPlane = options.withoutApi
      ? await withoutApi(paths)
      : await startControlPlane({
          paths,
          settings,
          port: options.port,
          logger,
          components: run.components,
          access: run.access,
        });
    run.controlPlane = controlPlane;
    progress.step(options.withoutApi ? 'no API, as asked for' : `API ready at ${controlPlane.server}`);
    const { own, simulated } = nodeNames(run);
    await writeRunRecord(paths.runRecord, {
      version: peapodVersion(),
      server: controlPlane.server,
      port: controlPlane.port,
      runtime,
      nodeName: own,
      startedAt: new Date().toISOString(),
    });
    const machine = await startingMachine;
    if (machine) {
      progress.step(`containerd ${machine.version} ${machine.adopted ? 'was running: taken over' : 'ready'}`);
      if (!options.withoutApi) await openApiToPods(run, controlPlane);
      run.nodes.push(await startOwnNode(run, controlPlane, machine));
      await importArchives(machine.images, paths.images, (line) => progress.step(line));
    }
    run.nodes.push(
      ...(await startSimulatedNodes({
        controlPlane,
        names: simulated,
        podCidr: settings.podCidr,
        firstRange: machine ? 1 : 0,
        kubeletPort: machine ? 0 : settings.kubeletPort,
        anyKubeletPort: run.options.kubeletPort === undefined,
        ...(machine ? {} : { manifests: manifestsOf(run) }),
        folder: `${paths.root}/nodes`,
        gates: run.components.gates,
        logger,
      })),
    );
  } finally {
    // When something else failed, containerd may be still on its way up: stopping must see it.
    await startingMachine?.catch(() => {});
  }
}

async function nodesReady(run: Run): Promise<void> {
  // Ready is what the API says of a node.
  if (run.options.withoutApi) return;
  const [first, ...others] = run.nodes;
  await first?.ready;
  if (first) run.progress.step(`node ${first.name} Ready`);
  for (const line of (await first?.pressure()) ?? [])
    run.progress.step(
      `node ${first?.name} is short of room, so pods may not start or be evicted: ${line} (see --eviction-hard)`,
    );
  await Promise.all(others.map((node) => node.ready));
  if (others.length > 0)
    run.progress.step(`${others.length} simulated ${others.length === 1 ? 'node' : 'nodes'} Ready`);
}

/** Ends what was started. Pods go on with 'keep'; with 'stop' nothing of the instance is left on the machine. */
async function stopAll(run: Run, onExit: OnExit): Promise<void> {
  await Promise.all(run.nodes.map((node) => node.stop()));
  await run.controlPlane?.stop();
  await run.machine?.release();
  if (run.runtime === 'containerd' && onExit === 'stop') await stopInstance(run.paths.root);
  await removeRunRecord(run.paths.runRecord);
}

function sayWhatNext(run: Run, onExit: OnExit): void {
  const { paths, controlPlane, options, progress } = run;
  const at = options.dataDir === defaultDataDir() ? '' : ` --data-dir ${options.dataDir}`;
  progress.line('');
  progress.line(`version     ${peapodVersion()}`);
  progress.line(`API         ${options.withoutApi ? 'none' : controlPlane?.server}`);
  progress.line(`kubeconfig  ${paths.kubeconfig}`);
  progress.line(
    options.withoutApi
      ? `next        put manifests of pods into ${manifestsOf(run)}`
      : `next        ./peapod kubectl${at} get pods -A`,
  );
  if (!options.detach) progress.line(`Ctrl-C ends it; pods ${onExit === 'keep' ? 'go on' : 'end with it'}.`);
}

/**
 * Starts the cluster in this process and gives the exit code once it has ended. `onReady` is called when all that was asked for is
 * there. Throws UserError for what the user can put right.
 */
export async function runUp(options: UpOptions, progress: Progress, onReady: () => void): Promise<number> {
  const signal = endSignal();
  const run = await prepare(options, progress);
  // One forgotten promise of one component must not end the cluster: it is told, and the rest goes on.
  process.on('unhandledRejection', (reason) => {
    run.logger.error('a promise was rejected and nobody heard it', {
      error: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
    });
  });
  const onExit = options.onExit ?? (options.detach ? 'keep' : 'stop');
  let code = 0;
  try {
    await startAll(run);
    await Promise.race([nodesReady(run), aborted(signal)]);
    if (!signal.aborted && options.files.length > 0) code = await applyAll(run, signal);
    if (!signal.aborted) {
      sayWhatNext(run, onExit);
      onReady();
      const givingBack = giveBackMemoryOfStart(realClock, signal).catch((error: unknown) =>
        run.logger.warn('could not give memory back', { error: String(error) }),
      );
      await aborted(signal);
      await givingBack;
      progress.line('stopping');
    }
  } catch (error) {
    await stopAll(run, 'keep');
    throw explain(error, run);
  }
  await stopAll(run, onExit);
  return code;
}

/** Applies the files that were named, and waits for their pods where asked to. A pod that fails makes the exit code 1. */
async function applyAll(run: Run, signal: AbortSignal): Promise<number> {
  const { options, paths, progress, controlPlane } = run;
  const pods = await applyFiles(options.files, paths);
  progress.step(`applied ${options.files.join(', ')}`);
  if (!options.wait || !controlPlane) return 0;
  const live = process.stdout.isTTY && !options.detach;
  const view = live
    ? liveTableView((text) => process.stdout.write(text), Date.now)
    : lineView((line) => progress.step(line), Date.now);
  const fine = await waitForPods(controlPlane.clientAs('kubernetes-admin', ['system:masters']), pods, view, signal);
  return fine ? 0 : 1;
}
