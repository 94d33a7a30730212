// An instance's own containerd: its files, starting it detached, taking over a running one, and bringing it back when it dies.

import { access, constants, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Processes } from '../lib/system.ts';
import { containerdConfig, registryHosts } from './containerd-config.ts';
import { identify, isAlive, type ProcessIdentity, readPidFile, startDaemon, stopDaemon } from './daemon.ts';
import { hostFiles } from './files.ts';
import type { Instance } from './instance.ts';
import type { Machine } from './machine.ts';
import { ensureSharedMount, listMounts } from './mounts.ts';
import { hostProcesses } from './processes.ts';

export interface ContainerdOptions {
  instance: Instance;
  machine: Machine;
  runtime: 'runc' | 'crun';
  /** Full name of the infra image, imported by the caller once containerd answers. */
  sandboxImage: string;
  /** Registry host → mirror URLs, from parseRegistryMirrors. */
  mirrors?: ReadonlyMap<string, readonly string[]>;
  clock: Clock;
  logger: Logger;
  /** Resolves once the runtime answers over the socket; called after each start. Rejects when it does not within its own time. */
  ready: (socketPath: string, signal: AbortSignal) => Promise<void>;
  /** Called when containerd died and again when it is back. */
  onChange?: (up: boolean) => void;
}

export interface Containerd {
  socketPath: string;
  /** Its pid as of now. */
  pid(): number;
  /** Whether an already running containerd was taken over. */
  adopted: boolean;
  /** Stops watching it and leaves it running. */
  release(): Promise<void>;
  /** Stops watching and ends it; containers run on under their shims. */
  stop(): Promise<void>;
}

const programDirs = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The absolute path of a program, looked up on PATH and in the system's folders. */
export async function findProgram(name: string, pathVariable = process.env['PATH'] ?? ''): Promise<string | undefined> {
  for (const folder of [...pathVariable.split(':').filter((dir) => dir.startsWith('/')), ...programDirs]) {
    try {
      await access(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      // The next folder.
    }
  }
  return undefined;
}

/** Where the CNI plugins are: Debian's folder or upstream's. */
export async function findCniPlugins(): Promise<string | undefined> {
  for (const folder of ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni']) {
    const names = await readdir(folder).catch((): string[] => []);
    if (['bridge', 'host-local', 'portmap', 'loopback'].every((name) => names.includes(name))) return folder;
  }
  return undefined;
}

/** Whether overlayfs can be mounted on the data folder's file system (not on another overlay, for one). */
async function overlayWorks(processes: Processes, folder: string): Promise<boolean> {
  const base = await hostFiles.mkdtemp(`${folder}/overlay-check-`);
  try {
    for (const name of ['l', 'u', 'w', 'm']) await mkdir(`${base}/${name}`);
    const options = `lowerdir=${base}/l,upperdir=${base}/u,workdir=${base}/w`;
    const { exitCode } = await processes.run(['mount', '-t', 'overlay', 'overlay', '-o', options, `${base}/m`]);
    if (exitCode === 0) await processes.run(['umount', `${base}/m`]);
    return exitCode === 0;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

/** Writes certs.d: a folder per mirrored registry, and none for those no longer mirrored. containerd reads it at each pull. */
async function writeRegistryHosts(instance: Instance, mirrors: ReadonlyMap<string, readonly string[]>): Promise<void> {
  await rm(instance.registryDir, { recursive: true, force: true });
  await mkdir(instance.registryDir, { recursive: true, mode: 0o700 });
  for (const [host, urls] of mirrors) {
    await mkdir(`${instance.registryDir}/${host}`, { mode: 0o700 });
    await writeFile(`${instance.registryDir}/${host}/hosts.toml`, registryHosts(host, urls), { mode: 0o600 });
  }
}

const unified = '/sys/fs/cgroup/unified';

/**
 * The argv of a program that does not see the v2 part of the hybrid hierarchy, which crun refuses: it lives in a mount namespace
 * of its own, in which only that mount is missing and all others are the host's, both ways.
 */
function withoutUnified(argv: readonly string[]): string[] {
  const script = `mount --make-private ${unified} && umount ${unified} && exec "$@"`;
  return ['unshare', '--mount', '--propagation', 'unchanged', '--', '/bin/sh', '-c', script, 'sh', ...argv];
}

/** How containerd is started. */
export function containerdArgv(containerd: string, config: string, hideUnified: boolean): string[] {
  const argv = [containerd, '--config', config];
  return hideUnified ? withoutUnified(argv) : argv;
}

/** A program for containerd to call as crun, which hides from crun alone what it refuses. Every argument is one word of the shell. */
export function crunWrapper(crun: string): string {
  const words = withoutUnified([crun]).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`;
}

interface Prepared {
  argv: string[];
  /** The config changed since the running containerd read it. */
  changed: boolean;
}

async function prepare({ instance, machine, runtime, sandboxImage, mirrors }: ContainerdOptions): Promise<Prepared> {
  const [containerd, runc, crun, cniBinDir] = await Promise.all([
    findProgram('containerd'),
    findProgram('runc'),
    findProgram('crun'),
    findCniPlugins(),
  ]);
  const missing = [
    containerd ? '' : 'containerd',
    (runtime === 'runc' ? runc : crun) ? '' : runtime,
    cniBinDir ? '' : 'the CNI plugins (containernetworking-plugins)',
  ].filter((name) => name !== '');
  if (!containerd || !cniBinDir || missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`);

  const folders = [instance.runDir, instance.containerdStateDir, instance.containerdRootDir, instance.cniConfDir];
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o711 });
  await mkdir(instance.podsDir, { recursive: true, mode: 0o750 });
  await mkdir(instance.podLogsDir, { recursive: true, mode: 0o755 });
  await ensureSharedMount(hostProcesses, instance.podsDir);
  await writeRegistryHosts(instance, mirrors ?? new Map());

  const hybrid = (await listMounts()).some(({ mountPoint }) => mountPoint === unified);
  const crunProgram = crun && hybrid && runtime !== 'crun' ? await writeCrunWrapper(instance, crun) : crun;
  const config = containerdConfig(instance, {
    runtime,
    binaries: { ...(runc ? { runc } : {}), ...(crunProgram ? { crun: crunProgram } : {}) },
    cniBinDir,
    sandboxImage,
    snapshotter: await snapshotterOf(instance),
    appArmor: machine.appArmor,
    leastOomScoreAdj: machine.leastOomScoreAdj,
    hugetlb: machine.hugetlbController,
  });
  const before = await hostFiles.readFile(instance.containerdConfig).catch(() => Buffer.alloc(0));
  const changed = before.toString() !== config;
  if (changed) await hostFiles.writeFileAtomic(instance.containerdConfig, config);
  return { argv: containerdArgv(containerd, instance.containerdConfig, runtime === 'crun' && hybrid), changed };
}

/** Beside runc, crun is there for the pods of runtime classes that name it. */
async function writeCrunWrapper({ runDir }: Instance, crun: string): Promise<string> {
  const path = `${runDir}/crun`;
  await hostFiles.writeFileAtomic(path, crunWrapper(crun), 0o700);
  return path;
}

/** Once chosen, a snapshotter stays: containers' file systems hang on it. */
async function snapshotterOf(instance: Instance): Promise<string> {
  const path = `${instance.containerdRootDir}/snapshotter`;
  const chosen = (await hostFiles.readFile(path).catch(() => Buffer.alloc(0))).toString().trim();
  if (chosen !== '') return chosen;
  const name = (await overlayWorks(hostProcesses, instance.containerdRootDir)) ? 'overlayfs' : 'native';
  await hostFiles.writeFileAtomic(path, name);
  return name;
}

const watchMs = 500;
const steadyMs = 60_000;
/** How often a containerd that lives is waited for, each time as long as `ready` does. */
const waits = 3;
const stopMs = 10_000;
const startAttempts = 3;

/** The instance's containerd that runs, also one whose starter did not live to write the pid file. */
export async function findContainerd(instance: Instance): Promise<ProcessIdentity | undefined> {
  const recorded = await readPidFile(instance.containerdPidFile);
  if (recorded !== undefined) return recorded;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const argv = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const isOurs = argv.includes('--config') && argv[argv.indexOf('--config') + 1] === instance.containerdConfig;
    if (isOurs && /(^|\/)containerd$/.test(argv[0] ?? '')) return identify(Number(name));
  }
  return undefined;
}

/**
 * Starts the instance's containerd, or takes over the one that a previous life left running, waits until it answers, and
 * keeps it alive: a dead one is started again, at once and then with a back-off of 0.2 s to 10 s.
 * Rejects when a program is missing or when it does not come up.
 */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { instance, clock, logger, ready } = options;
  const { argv, changed } = await prepare(options);
  const stopped = new AbortController();
  let wakeUp = new AbortController();

  /** Rejects when the process ends; resolves when nobody asks any more. */
  const death = async (identity: ProcessIdentity, over: AbortSignal): Promise<void> => {
    while (!over.aborted) {
      if (!(await isAlive(identity))) throw new Error(`containerd did not come up: see ${instance.containerdLog}`);
      await sleep(clock, 50, over);
    }
  };
  /**
   * Waits until the process answers: one that lives is only slow, and asked again. One that never answers is stopped, for
   * beside it no other could be started.
   */
  const comeUp = async (identity: ProcessIdentity): Promise<void> => {
    for (let turn = 1; ; turn++) {
      const answered = new AbortController();
      const over = AbortSignal.any([answered.signal, stopped.signal]);
      try {
        return await Promise.race([ready(instance.containerdSocket, over), death(identity, over)]);
      } catch (error) {
        if (stopped.signal.aborted) throw error;
        if (turn === waits || !(await isAlive(identity))) {
          await stopDaemon(identity, stopMs);
          throw error;
        }
        logger.warn('containerd does not answer yet', { pid: identity.pid, error: String(error) });
      } finally {
        answered.abort();
      }
    }
  };
  const start = async (): Promise<ProcessIdentity> => {
    // A socket left by a dead containerd would be taken for a live one.
    await rm(instance.containerdSocket, { force: true });
    const identity = await startDaemon(argv, {
      logPath: instance.containerdLog,
      pidPath: instance.containerdPidFile,
      onExit: () => wakeUp.abort(),
    });
    await comeUp(identity);
    return identity;
  };

  /** One that is killed on its way up is started anew. */
  const startInTheEnd = async (): Promise<ProcessIdentity> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await start();
      } catch (error) {
        if (attempt === startAttempts || stopped.signal.aborted) throw error;
        logger.warn('containerd could not be started; it is tried again', { error: String(error) });
      }
    }
  };

  let current = await findContainerd(instance);
  if (current && changed) {
    logger.info('containerd is started again with a new configuration', { pid: current.pid });
    await stopDaemon(current, stopMs);
    current = undefined;
  }
  if (current) {
    await comeUp(current).catch((error: unknown) => {
      logger.error('the containerd of before does not answer; it is started again', { error: String(error) });
      current = undefined;
    });
  }
  const adopted = current !== undefined;
  let identity = current ?? (await startInTheEnd());

  const supervise = async (): Promise<void> => {
    let backoff = 200;
    let upSince = clock.monotonic();
    while (!stopped.signal.aborted) {
      await sleep(clock, watchMs, AbortSignal.any([stopped.signal, wakeUp.signal]));
      if (stopped.signal.aborted || (await isAlive(identity))) continue;
      logger.error('containerd ended; it is started again', { pid: identity.pid });
      options.onChange?.(false);
      if (clock.monotonic() - upSince > steadyMs) backoff = 200;
      wakeUp = new AbortController();
      try {
        identity = await start();
        upSince = clock.monotonic();
        options.onChange?.(true);
        logger.info('containerd is back', { pid: identity.pid });
      } catch (error) {
        logger.error('containerd could not be started', { error: String(error) });
        await sleep(clock, backoff, stopped.signal);
        backoff = Math.min(backoff * 2, 10_000);
      }
    }
  };
  const supervising = supervise();
  const release = async (): Promise<void> => {
    stopped.abort();
    await supervising;
  };
  return {
    socketPath: instance.containerdSocket,
    pid: () => identity.pid,
    adopted,
    release,
    async stop() {
      await release();
      // One that was on its way up when it was let go is newer than what is watched.
      await stopDaemon((await findContainerd(instance)) ?? identity, stopMs);
      await rm(instance.containerdPidFile, { force: true });
    },
  };
}
