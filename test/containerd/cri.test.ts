// Drives a real containerd of our own over CRI: a pod's whole life, events, and containerd's death.
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RuntimeEvent, SandboxConfig } from '../../src/cri/runtime.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { listMounts } from '../../src/host/mounts.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

/** Polls until the check gives something, for at most 15 s. */
async function eventually<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const found = await check().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within 15 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const fetchText = (host: string, port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 2000 }, () => socket.end('GET / HTTP/1.0\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
    socket.on('timeout', () => socket.destroy(new Error('timeout')));
  });

describe.skipIf(reason !== undefined)('containerd', () => {
  let node: TestNode;
  const events: RuntimeEvent[] = [];
  const stop = new AbortController();
  const hostPorts: Record<string, number> = { web: 18_081, steady: 18_082 };

  const sandboxConfig = (name: string, attempt = 0): SandboxConfig => ({
    metadata: { name, uid: `uid-${name}`, namespace: 'default', attempt },
    hostname: name,
    logDirectory: `${node.instance.podLogsDir}/default_${name}_uid-${name}`,
    labels: { 'io.kubernetes.pod.name': name },
    annotations: {},
    dnsConfig: { servers: ['10.43.0.10'], searches: ['svc.cluster.local'], options: ['ndots:5'] },
    portMappings: name in hostPorts ? [{ protocol: 'TCP', containerPort: 8080, hostPort: hostPorts[name]! }] : [],
    linux: { cgroupParent: `${node.instance.cgroupRoot}/pod-${name}`, securityContext: { namespaceOptions: {} } },
  });
  const runContainer = async (name: string, command: string[]): Promise<{ sandbox: string; container: string }> => {
    const config = sandboxConfig(name);
    const { mkdir } = await import('node:fs/promises');
    await mkdir(config.logDirectory!, { recursive: true });
    await (await openCgroups())!.create(config.linux!.cgroupParent!);
    const sandbox = await node.connection.runtime.runPodSandbox(config);
    const container = await node.connection.runtime.createContainer(
      sandbox,
      {
        metadata: { name: 'main', attempt: 0 },
        image: { image: 'docker.io/library/busybox:latest' },
        command,
        envs: [{ key: 'GREETING', value: 'hällo' }],
        labels: { 'io.kubernetes.container.name': 'main' },
        annotations: { note: 'x' },
        logPath: 'main/0.log',
        linux: { resources: { cpuShares: 102, memoryLimitBytes: 64 * 2 ** 20 }, securityContext: { runAsUser: 0 } },
      },
      config,
    );
    await node.connection.runtime.startContainer(container);
    return { sandbox, container };
  };

  beforeAll(async () => {
    node = await startTestNode('10.142.7.0/24');
    expect(await node.images.load('fixtures/images/busybox.tar')).toContain('docker.io/library/busybox:latest');
    void (async () => {
      for await (const event of node.connection.runtime.events(stop.signal)) events.push(event);
    })();
    await eventually('resync', async () => events.find(({ type }) => type === 'resync'));
  });
  afterAll(async () => {
    stop.abort();
    await node?.cleanUp();
  });

  test('says who it is and that runtime and network are ready', async () => {
    const version = await node.connection.runtime.version();
    expect(version.runtimeName).toBe('containerd');
    const { conditions } = await node.connection.runtime.status();
    expect(conditions.map(({ type, status }) => [type, status])).toEqual([
      ['RuntimeReady', true],
      ['NetworkReady', true],
    ]);
  });

  test('lists the imported images as CRI sees them', async () => {
    const image = await eventually('image', () => node.connection.images.imageStatus('busybox'));
    expect(image.repoTags).toContain('docker.io/library/busybox:1.28');
    expect(image.id).toMatch(/^sha256:/);
    expect(image.size).toBeGreaterThan(100_000);
    expect(await node.connection.images.imageStatus('nothing:here')).toBeUndefined();
    expect((await node.connection.images.imageFsInfo()).image[0]?.mountpoint).toContain('overlayfs');
  });

  test('runs a pod: env, logs, exec, resources, address, exit code, events', async () => {
    const script =
      'echo "$GREETING"; echo oops >&2; mkdir /www; echo served > /www/index.html; exec httpd -f -p 8080 -h /www';
    const { sandbox, container } = await runContainer('web', ['sh', '-c', script]);
    const { runtime } = node.connection;
    const status = await runtime.podSandboxStatus(sandbox);
    expect(status).toMatchObject({
      state: 'ready',
      metadata: { name: 'web', uid: 'uid-web', namespace: 'default', attempt: 0 },
    });
    expect(status.ips[0]).toMatch(/^10\.142\.7\./);
    expect(Math.abs(status.createdAt - Date.now())).toBeLessThan(60_000);

    expect(await eventually('page', () => fetchText(status.ips[0]!, 8080))).toContain('served');
    const hostAddress = (await hostProcesses.run(['hostname', '-I'])).stdout.split(' ')[0]!;
    expect(await eventually('page by hostPort', () => fetchText(hostAddress, 18_081))).toContain('served');

    const containers = await runtime.listContainers({
      labelSelector: { 'io.kubernetes.container.name': 'main' },
      state: 'running',
    });
    expect(containers).toMatchObject([
      { id: container, sandboxId: sandbox, state: 'running', annotations: { note: 'x' } },
    ]);
    const log = await eventually('log', async () => {
      const text = await readFile(`${node.instance.podLogsDir}/default_web_uid-web/main/0.log`, 'utf8');
      return text.includes('oops') ? text : undefined;
    });
    expect(log).toMatch(/^\S+ stdout F hällo$/m);
    expect(log).toMatch(/^\S+ stderr F oops$/m);

    const result = await runtime.execSync(container, ['sh', '-c', 'echo out; echo err >&2; exit 3'], 10);
    expect([result.stdout.toString(), result.stderr.toString(), result.exitCode]).toEqual(['out\n', 'err\n', 3]);
    await expect(runtime.execSync(container, ['sleep', '60'], 1)).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    expect(await runtime.exec(container, ['sh'], { stdin: true, stdout: true, stderr: true, tty: false })).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/exec\//,
    );

    await runtime.updateContainerResources(container, { cpuShares: 204, memoryLimitBytes: 32 * 2 ** 20 });
    const stats = await runtime.containerStats(container);
    expect(stats.memory?.workingSetBytes).toBeGreaterThan(0);

    await runtime.stopContainer(container, 0);
    const stopped = await runtime.containerStatus(container);
    expect(stopped).toMatchObject({ state: 'exited', exitCode: 137 });
    expect(stopped.finishedAt).toBeGreaterThanOrEqual(stopped.startedAt!);
    await eventually('stopped event', async () =>
      events.find((e) => e.type === 'stopped' && e.id === container && e.exitCode === 137),
    );
    expect(events.some((e) => e.type === 'started' && e.id === container)).toBe(true);
    await runtime.stopPodSandbox(sandbox);
    await runtime.removePodSandbox(sandbox);
    await expect(runtime.containerStatus(container)).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('an exit is told at once, and soon the status shows it', async () => {
    const { sandbox, container } = await runContainer('short', ['sh', '-c', 'exit 7']);
    await eventually('event', async () => events.find((e) => e.type === 'stopped' && e.id === container));
    const status = await eventually('the status shows it', async () => {
      const now = await node.connection.runtime.containerStatus(container);
      return now.state === 'exited' ? now : undefined;
    });
    expect(status).toMatchObject({ exitCode: 7, reason: 'Error' });
    await node.connection.runtime.stopPodSandbox(sandbox);
    await node.connection.runtime.removePodSandbox(sandbox);
  });

  test('a memory limit kills with OOMKilled', async () => {
    const { sandbox, container } = await runContainer('hog', ['sh', '-c', 'tail -c 200m /dev/zero']);
    const status = await eventually('end', async () => {
      const s = await node.connection.runtime.containerStatus(container);
      return s.state === 'exited' ? s : undefined;
    });
    expect(status).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    await node.connection.runtime.stopPodSandbox(sandbox);
    await node.connection.runtime.removePodSandbox(sandbox);
  });

  test('kill -9 of containerd: it is brought back and the pod runs on; a later life takes it over', async () => {
    const { sandbox, container } = await runContainer('steady', ['sleep', '1000']);
    const { runtime } = node.connection;
    const before = node.containerd.pid();
    events.length = 0;
    process.kill(before, 'SIGKILL');
    await eventually('a new containerd', async () => (node.containerd.pid() === before ? undefined : true));
    const status = await eventually('the container', () => runtime.containerStatus(container));
    expect(status.state).toBe('running');
    await eventually('resync', async () => events.find(({ type }) => type === 'resync'));
    await eventually('exec again', () => runtime.execSync(container, ['true'], 5));

    const pid = node.containerd.pid();
    await node.containerd.release();
    node.containerd = await node.startAgain();
    expect(node.containerd.adopted).toBe(true);
    expect(node.containerd.pid()).toBe(pid);
    expect((await runtime.podSandboxStatus(sandbox)).state).toBe('ready');
    // Left running: cleaning up must cope with live pods.
  });

  test('one whose starter did not live to note its pid is taken over; a dead one is replaced', async () => {
    const pid = node.containerd.pid();
    const again = async (): Promise<void> => {
      await node.containerd.release();
      node.containerd = await node.startAgain();
    };
    await rm(node.instance.containerdPidFile);
    await again();
    expect(node.containerd).toMatchObject({ adopted: true });
    expect(node.containerd.pid()).toBe(pid);
    await node.containerd.release();
    process.kill(pid, 'SIGKILL');
    await again();
    expect(node.containerd.pid()).not.toBe(pid);
    // The connection of before saw the socket gone, and tries again after a while.
    await eventually('the new containerd answers', () => node.connection.runtime.version());
  });

  test.skipIf(process.env['PEAPOD_LONG'] !== '1')('one that hangs is replaced', async () => {
    const pid = node.containerd.pid();
    await node.containerd.release();
    process.kill(pid, 'SIGSTOP');
    node.containerd = await node.startAgain();
    expect(node.containerd.adopted).toBe(false);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('nothing of the instance stays behind', async () => {
    const { instance } = node;
    stop.abort();
    await node.cleanUp();
    expect((await listMounts()).filter(({ mountPoint }) => mountPoint.startsWith(instance.dataDir))).toEqual([]);
    expect((await hostProcesses.run(['ip', 'link', 'show', instance.bridge])).exitCode).not.toBe(0);
    expect((await hostProcesses.run(['nft', 'list', 'table', 'ip', instance.nftTable])).exitCode).not.toBe(0);
    expect((await hostProcesses.run(['iptables-save', '-t', 'nat'])).stdout).not.toContain(instance.cniNetwork);
    for (const { mountPoint } of (await listMounts()).filter(({ fsType }) => fsType.startsWith('cgroup')))
      expect(await readdir(mountPoint)).not.toContain(instance.cgroupRoot.slice(1));
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)))
      expect(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).not.toContain(instance.dataDir);
  });
});

describe.skipIf(reason !== undefined)('containerd with crun', () => {
  test('runs a pod and leaves nothing behind', async () => {
    const node = await startTestNode('10.142.8.0/24', 'crun');
    try {
      await node.images.load('fixtures/images/busybox.tar');
      const { runtime } = node.connection;
      const config: SandboxConfig = {
        metadata: { name: 'c', uid: 'uid-c', namespace: 'default', attempt: 0 },
        hostname: 'c',
        logDirectory: node.instance.podLogsDir,
        linux: { cgroupParent: `${node.instance.cgroupRoot}/pod-c` },
      };
      await (await openCgroups())!.create(config.linux!.cgroupParent!);
      const sandbox = await runtime.runPodSandbox(config);
      const container = await runtime.createContainer(
        sandbox,
        {
          metadata: { name: 'main', attempt: 0 },
          image: { image: 'busybox' },
          command: ['sleep', '1000'],
          logPath: 'c.log',
          linux: { resources: { memoryLimitBytes: 32 * 2 ** 20, cpuShares: 10 } },
        },
        config,
      );
      await runtime.startContainer(container);
      expect((await runtime.execSync(container, ['hostname'])).stdout.toString()).toBe('c\n');
      await runtime.stopContainer(container, 0);
      expect(await runtime.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 137 });
    } finally {
      await node.cleanUp();
    }
    expect((await hostProcesses.run(['ip', 'link', 'show', node.instance.bridge])).exitCode).not.toBe(0);
  });
});
