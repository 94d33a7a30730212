// Starts a Peapod of a test's own in a temporary data folder, and takes everything away again, also when the test fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from './eventually.ts';
import { startedInFile } from './in-file.ts';
import { startRegistry } from './registry.ts';
import { type RunResult, run } from './run.ts';

export const repository = resolve(import.meta.dirname, '../..');
const launcher = join(repository, 'peapod');

/** Why real containers cannot run here, or undefined when they can. */
export const noContainers: string | undefined =
  process.platform !== 'linux' ? 'not on Linux' : process.getuid?.() !== 0 ? 'not root' : undefined;

export interface StartOptions {
  runtime?: 'containerd' | 'simulated';
  args?: string[];
  dataDir?: string;
  /** Load the image fixtures once up, and mirror registries to one that serves them (containerd only). Default true. */
  images?: boolean;
}

export interface Peapod {
  dataDir: string;
  /** What it printed so far. */
  output(): string;
  pid: number;
  /** Runs `./peapod kubectl` with this cluster's kubeconfig; throws when the exit code is not 0. */
  kubectl(args: string[], options?: { input?: string; timeoutMs?: number }): Promise<string>;
  /** The same without throwing. */
  tryKubectl(
    args: string[],
    options?: { input?: string; timeoutMs?: number; binary?: string; env?: Record<string, string> },
  ): Promise<RunResult>;
  /** Any other peapod command on this data folder. */
  command(args: string[], options?: { input?: string; timeoutMs?: number }): Promise<RunResult>;
  /** SIGKILL to Peapod alone; pods and containerd stay. */
  kill9(): Promise<void>;
  /** Starts it again on the same data folder. */
  restart(args?: string[]): Promise<void>;
  /** Ends it and removes all traces. Safe to call twice. */
  dispose(): Promise<void>;
}

const fixtures = join(repository, 'fixtures/images');

/** The image archives that `npm run fixtures` made. */
function fixtureImages(): string[] {
  return readdirSync(fixtures)
    .filter((name) => name.endsWith('.tar'))
    .map((name) => join(fixtures, name));
}

/** Starts Peapod in the foreground and resolves once it says that it is ready. It ends with the test file at the latest. */
export const startPeapod = (options: StartOptions = {}): Promise<Peapod> =>
  startedInFile(
    () => startOwn(options),
    (peapod) => peapod.dispose(),
  );

async function startOwn(options: StartOptions): Promise<Peapod> {
  const runtime = options.runtime ?? 'containerd';
  const withImages = runtime === 'containerd' && options.images !== false;
  const registry = withImages ? await startRegistry(fixtures) : undefined;
  const mirrors = ['docker.io', 'k8s.gcr.io', 'registry.k8s.io'].flatMap((host) =>
    registry ? ['--registry-mirror', `${host}=${registry.url}`] : [],
  );
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'peapod-test-'));
  let child: ChildProcess;
  let output = '';
  let gone: Promise<void> | undefined;

  const command: Peapod['command'] = (args, more = {}) =>
    run([launcher, ...args, '--data-dir', dataDir], { timeoutMs: 75_000, ...more });

  async function start(args: string[]): Promise<void> {
    if (gone) throw new Error('this Peapod has been taken away');
    output = '';
    const argv = ['up', '--data-dir', dataDir, '--port', '0', '--runtime', runtime, ...mirrors, ...args];
    child = spawn(launcher, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const started = child;
    await eventually(
      'peapod up is ready',
      () => {
        if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}:\n${output}`);
        if (/^next /m.test(output)) return true;
        throw new Error(output);
      },
      // Less than a hook may take, so that what it printed is told.
      75_000,
    );
  }

  const tryKubectl: Peapod['tryKubectl'] = (args, more = {}) =>
    more.binary
      ? run([more.binary, '--kubeconfig', join(dataDir, 'kubeconfig'), ...args], { timeoutMs: 60_000, ...more })
      : run([launcher, 'kubectl', '--data-dir', dataDir, ...args], { timeoutMs: 60_000, ...more });

  const peapod: Peapod = {
    dataDir,
    output: () => output,
    get pid() {
      return child.pid ?? -1;
    },
    tryKubectl,
    command,
    async kubectl(args, more) {
      const result = await tryKubectl(args, more);
      if (result.code !== 0)
        throw new Error(`kubectl ${args.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    },
    async kill9() {
      child.kill('SIGKILL');
      await ended(child);
    },
    restart: (args = options.args ?? []) => start(args),
    dispose: () => (gone ??= takeAway()),
  };
  const takeAway = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await ended(child, 60_000);
    }
    await registry?.close();
    const reset = await command(['reset', '--yes']);
    if (reset.code !== 0) throw new Error(`reset: ${reset.code}\n${reset.stdout}${reset.stderr}`);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await start(options.args ?? []);
    if (withImages) {
      const loaded = await command(['image', 'load', ...fixtureImages()]);
      if (loaded.code !== 0) throw new Error(`image load: ${loaded.stdout}${loaded.stderr}`);
    }
  } catch (error) {
    await peapod.dispose();
    throw error;
  }
  return peapod;
}

async function ended(child: ChildProcess, deadlineMs = 20_000): Promise<void> {
  await eventually(
    `process ${child.pid} has ended`,
    () => child.exitCode !== null || child.signalCode !== null,
    deadlineMs,
    20,
  );
}
