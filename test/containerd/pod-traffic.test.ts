// How the traffic of pods runs: between pods, from pods to the outside, through host ports, and what of it outlives another instance's end.
import { mkdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxConfig } from '../../src/cri/runtime.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { type ProcessIdentity, startDaemon, stopDaemon } from '../../src/host/daemon.ts';
import { hostProcesses, must } from '../../src/host/processes.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

const forwarding = async (): Promise<string> => (await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim();

/** Starts a pod that serves its own name on port 8080, with a hostPort where one is given. */
async function serve(node: TestNode, name: string, hostPort?: number): Promise<{ ip: string; container: string }> {
  const { runtime } = node.connection;
  const config: SandboxConfig = {
    metadata: { name, uid: name, namespace: 'default', attempt: 0 },
    hostname: name,
    logDirectory: `${node.instance.podLogsDir}/${name}`,
    portMappings: hostPort === undefined ? [] : [{ protocol: 'TCP', containerPort: 8080, hostPort }],
    linux: { cgroupParent: `${node.instance.cgroupRoot}/${name}` },
  };
  await mkdir(config.logDirectory!, { recursive: true });
  await (await openCgroups())!.create(config.linux!.cgroupParent!);
  const sandbox = await runtime.runPodSandbox(config);
  const command = ['sh', '-c', 'mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www'];
  const container = await runtime.createContainer(
    sandbox,
    { metadata: { name: 'main', attempt: 0 }, image: { image: 'busybox' }, command, logPath: 'main.log' },
    config,
  );
  await runtime.startContainer(container);
  return { ip: (await runtime.podSandboxStatus(sandbox)).ips[0]!, container };
}

const page = (url: string): Promise<string> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (r) => r.text(),
    () => '',
  );

describe.skipIf(reason !== undefined)('traffic of pods', () => {
  let a: TestNode;
  let b: TestNode;
  const outside = `peaout${process.pid % 10_000}`;
  let server: ProcessIdentity | undefined;

  beforeAll(async () => {
    a = await startTestNode('10.148.1.0/24');
    b = await startTestNode('10.148.2.0/24');
    for (const node of [a, b]) await node.images.load('fixtures/images/busybox.tar');
  });
  afterAll(async () => {
    if (server) await stopDaemon(server, 0);
    await hostProcesses.run(['ip', 'link', 'delete', `${outside}h`]);
    await hostProcesses.run(['ip', 'netns', 'delete', outside]);
    await a?.cleanUp();
    await b?.cleanUp();
  });

  test('pods reach each other, the node reaches them, and the other instance knows nothing of them', async () => {
    const one = await serve(a, 'one');
    const two = await serve(a, 'two');
    const { runtime } = a.connection;
    expect(await b.connection.runtime.listPodSandbox()).toEqual([]);
    await expect.poll(() => page(`http://${two.ip}:8080/`)).toBe('two\n');
    expect(
      (await runtime.execSync(one.container, ['wget', '-qO-', `http://${two.ip}:8080/`], 10)).stdout.toString(),
    ).toBe('two\n');
    await expect.poll(() => page(`http://${one.ip}:8080/`)).toBe('one\n');
  });

  test('the gateway keeps its hardware address while pods come and go', async () => {
    const address = (): Promise<string> => readFile(`/sys/class/net/${a.instance.bridge}/address`, 'utf8');
    const before = await address();
    const { runtime } = a.connection;
    // Each brings a link of its own; without an address that was set the bridge would take the lowest of all.
    for (let i = 0; i < 4; i++) {
      const config: SandboxConfig = {
        metadata: { name: `m${i}`, uid: `m${i}`, namespace: 'default', attempt: 0 },
        logDirectory: `${a.instance.podLogsDir}/m${i}`,
        linux: { cgroupParent: `${a.instance.cgroupRoot}/m${i}` },
      };
      await mkdir(config.logDirectory!, { recursive: true });
      await (await openCgroups())!.create(config.linux!.cgroupParent!);
      const sandbox = await runtime.runPodSandbox(config);
      expect(await address()).toBe(before);
      if (i < 2) await runtime.removePodSandbox(sandbox);
    }
    expect(await address()).toBe(before);
    // 3 is "set by somebody".
    expect(await readFile(`/sys/class/net/${a.instance.bridge}/addr_assign_type`, 'utf8')).toBe('3\n');
  });

  test('what leaves the pods is seen as the node', async () => {
    // The benchmark range of RFC 2544; a machine that has it in use must not be disturbed.
    expect((await hostProcesses.run(['ip', '-4', 'route', 'show', 'root', '198.18.0.0/15'])).stdout).toBe('');
    await must(hostProcesses, ['ip', 'netns', 'add', outside]);
    await must(hostProcesses, [
      'ip',
      'link',
      'add',
      `${outside}h`,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      outside,
    ]);
    await must(hostProcesses, ['ip', 'addr', 'add', '198.18.77.1/24', 'dev', `${outside}h`]);
    await must(hostProcesses, ['ip', 'link', 'set', `${outside}h`, 'up']);
    await must(hostProcesses, ['ip', '-n', outside, 'addr', 'add', '198.18.77.2/24', 'dev', 'eth0']);
    await must(hostProcesses, ['ip', '-n', outside, 'link', 'set', 'eth0', 'up']);
    const script =
      "require('node:http').createServer((q, r) => r.end(q.socket.remoteAddress)).listen(8080, '198.18.77.2')";
    const log = { logPath: `${a.instance.dataDir}/outside.log`, pidPath: `${a.instance.dataDir}/outside.pid` };
    server = await startDaemon(['nsenter', `--net=/run/netns/${outside}`, process.execPath, '-e', script], log);
    await expect.poll(() => page('http://198.18.77.2:8080/'), { timeout: 5000 }).toBe('198.18.77.1');
    const pod = await serve(a, 'out');
    const seen = await a.connection.runtime.execSync(pod.container, ['wget', '-qO-', 'http://198.18.77.2:8080/'], 10);
    expect(seen.stdout.toString()).toBe('198.18.77.1');
  });

  // That the last one puts the kernel settings back shows where no other instance runs: two-instances.test.ts.
  test('the end of one instance leaves the traffic of the other', async () => {
    const mine = await serve(a, 'mine', 18_091);
    const other = await serve(b, 'other', 18_092);
    await expect.poll(() => page('http://198.18.77.1:18091/')).toBe('mine\n');
    await a.cleanUp();
    expect(await page(`http://${mine.ip}:8080/`)).toBe('');
    expect(await page('http://198.18.77.1:18091/')).toBe('');
    await expect.poll(() => page(`http://${other.ip}:8080/`)).toBe('other\n');
    await expect.poll(() => page('http://198.18.77.1:18092/')).toBe('other\n');
    expect(await forwarding()).toBe('1');
    expect((await hostProcesses.run(['nft', 'list', 'tables'])).stdout).not.toContain(a.instance.nftTable);
  });
});
