// Pods as the kubelet configures them, on a real containerd: what a process inside sees of its spec.
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container } from '../../src/api/generated/types.ts';
import { hostFiles } from '../../src/host/files.ts';
import { createHostMounts, ensureSharedMount, listMounts } from '../../src/host/mounts.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { readTerminationMessage } from '../../src/kubelet/container-config/termination-message.ts';
import { type TestNode, whyNoContainers } from './harness.ts';
import { base64, busybox, type PodNode, podOf, sleeper, startPodNode } from './pods.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

describe.skipIf(reason !== undefined)('pods by their spec', () => {
  let pods: PodNode;
  let node: TestNode;
  let startPod: PodNode['startPod'];
  let sh: PodNode['sh'];

  beforeAll(async () => {
    pods = await startPodNode('10.142.9.0/24');
    ({ node, startPod, sh } = pods);
    pods.configMaps['settings'] = { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' } };
    pods.secrets['login'] = { metadata: { name: 'login' }, data: { user: base64('bob'), pass: base64('pw') } };
  });
  afterAll(() => pods?.cleanUp());

  async function eventually(check: () => Promise<void>, ms = 10_000): Promise<void> {
    const deadline = Date.now() + ms;
    for (;;) {
      try {
        return await check();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  test('env, files, names and identity', async () => {
    const container: Container = {
      ...sleeper,
      name: 'app',
      command: ['sh', '-c', 'echo started as $(POD) > /work/start; exec sleep 1000'],
      env: [
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
        { name: 'USER_NAME', valueFrom: { secretKeyRef: { name: 'login', key: 'user' } } },
        { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      ],
      resources: { limits: { memory: '64Mi' } },
      securityContext: {
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumeMounts: [
        { name: 'cfg', mountPath: '/cfg' },
        { name: 'cfg', mountPath: '/one/color', subPath: 'color' },
        { name: 'key', mountPath: '/key' },
        { name: 'work', mountPath: '/work' },
        { name: 'work', mountPath: '/sub', subPathExpr: 'of/$(POD)' },
        { name: 'mem', mountPath: '/mem' },
        { name: 'all', mountPath: '/all' },
      ],
    };
    const pod = podOf('whole', {
      containers: [container],
      hostname: 'server',
      subdomain: 'ring',
      hostAliases: [{ ip: '10.9.8.7', hostnames: ['db', 'db.local'] }],
      securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, runAsNonRoot: true },
      volumes: [
        { name: 'cfg', configMap: { name: 'settings' } },
        { name: 'key', secret: { secretName: 'login', defaultMode: 0o400 } },
        { name: 'work', emptyDir: {} },
        { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        {
          name: 'all',
          projected: {
            sources: [
              { secret: { name: 'login', items: [{ key: 'user', path: 'who' }] } },
              { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
            ],
          },
        },
      ],
    });
    const { run, stop, ips } = await startPod(pod);
    const id = await run(container);
    await eventually(async () => expect(await sh(id, 'cat /work/start')).toBe('started as whole'));
    expect(await sh(id, 'echo $POD $IP $COLOR $USER_NAME $CPUS')).toBe(`whole ${ips[0]} red bob 2`);
    expect(await sh(id, 'id')).toMatch(/^uid=1000 gid=3000 groups=(3000,)?2000/);
    expect(await sh(id, 'hostname')).toBe('server');
    expect(await sh(id, 'cat /etc/hosts')).toContain(`${ips[0]}\tserver.ring.shop.svc.cluster.local\tserver\n`);
    expect(await sh(id, 'cat /etc/hosts')).toContain('10.9.8.7\tdb\tdb.local');
    expect(await sh(id, 'cat /etc/resolv.conf')).toMatch(
      /^search shop\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m,
    );
    expect(await sh(id, 'cat /etc/resolv.conf')).toMatch(/^nameserver 10\.43\.0\.10$/m);
    expect(await sh(id, 'cat /cfg/color /one/color /key/user /all/who /all/labels')).toBe('redredbobbobapp="whole"');
    expect(await sh(id, 'touch /cfg/x')).toContain('Read-only file system');
    expect(await sh(id, 'touch /x')).toContain('Read-only file system');
    expect(await sh(id, 'touch /work/mine /sub/mine && ls -ln /work/mine | cut -d" " -f1,5-')).toContain('-rw-r--r--');
    expect(await sh(id, 'ls /work/of/whole')).toBe('mine');
    expect(await sh(id, 'dd if=/dev/zero of=/mem/big bs=1M count=2')).toContain('No space left on device');
    expect(await sh(id, 'grep -E "NoNewPrivs|CapBnd|Seccomp:" /proc/self/status')).toMatch(
      /CapBnd:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2/,
    );

    pods.configMaps['settings'] = { metadata: { name: 'settings' }, data: { color: 'blue' } };
    pods.tell({ kind: 'configmap', namespace: 'shop', name: 'settings' });
    await eventually(async () => expect(await sh(id, 'cat /cfg/color; ls /cfg')).toBe('bluecolor'), 1000);
    // A subPath shows the file that it was bound to, as documented.
    expect(await sh(id, 'cat /one/color')).toBe('red');
    await node.connection.runtime.stopContainer(id, 0);
    const again = await run(container, 1);
    expect(await sh(again, 'cat /one/color /work/start')).toBe('bluestarted as whole');
    await stop();
    const left = (await listMounts()).filter(({ mountPoint }) => mountPoint.includes('uid-whole'));
    expect(left).toEqual([]);
    expect(await pods.volumes.listPodsOnDisk()).toEqual([]);
    pods.configMaps['settings'] = { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' } };
  });

  test('a subPath never shows more than the volume', async () => {
    const first: Container = { ...sleeper, name: 'first', volumeMounts: [{ name: 'work', mountPath: '/work' }] };
    const second: Container = {
      ...sleeper,
      name: 'second',
      volumeMounts: [{ name: 'work', mountPath: '/out', subPath: 'escape' }],
    };
    const { run, stop } = await startPod(
      podOf('escape', { containers: [first, second], volumes: [{ name: 'work', emptyDir: {} }] }),
    );
    const id = await run(first);
    await sh(id, 'ln -s / /work/escape');
    await expect(run(second)).rejects.toThrow('failed to prepare subPath for volumeMount "work" of container "second"');
    await sh(id, 'rm /work/escape; mkdir -p /work/real; echo inside > /work/real/f; ln -s real /work/escape');
    expect(await sh(await run(second), 'cat /out/f')).toBe('inside');
    await stop();
  });

  test('mounts made on the host reach a container that asks for them', async () => {
    const shared = `${node.instance.dataDir}/shared`;
    mkdirSync(`${shared}/late`, { recursive: true });
    mkdirSync(`${node.instance.dataDir}/source`);
    writeFileSync(`${node.instance.dataDir}/source/file`, 'late');
    await ensureSharedMount(hostProcesses, shared);
    const container: Container = {
      ...sleeper,
      name: 'app',
      volumeMounts: [
        { name: 'h', mountPath: '/with', mountPropagation: 'HostToContainer' },
        { name: 'h', mountPath: '/without' },
      ],
    };
    const { run, stop } = await startPod(
      podOf('spread', {
        containers: [container],
        volumes: [{ name: 'h', hostPath: { path: shared, type: 'Directory' } }],
      }),
    );
    const id = await run(container);
    const mounts = createHostMounts();
    await mounts.bind(`${node.instance.dataDir}/source`, `${shared}/late`);
    expect(await sh(id, 'cat /with/late/file; ls /without/late')).toBe('late');
    await mounts.unmount(`${shared}/late`);
    await stop();
    for (const point of await mounts.listUnder(shared)) await mounts.unmount(point);
  });

  test('shared processes, sysctls, dnsPolicy None, privileges', async () => {
    const one: Container = { ...sleeper, name: 'one', securityContext: { privileged: true } };
    const two: Container = { ...sleeper, name: 'two' };
    const { run, stop } = await startPod(
      podOf('host-like', {
        containers: [one, two],
        shareProcessNamespace: true,
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['192.0.2.53'], searches: ['my.example'], options: [{ name: 'ndots', value: '2' }] },
        securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }] },
      }),
    );
    const first = await run(one);
    const second = await run(two);
    expect(await sh(second, 'pidof sleep | wc -w')).toBe('2');
    expect(await sh(second, 'cat /etc/resolv.conf')).toBe('search my.example\nnameserver 192.0.2.53\noptions ndots:2');
    expect(await sh(second, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('80');
    expect(await sh(first, 'ls /dev | grep -c -E "^(kmsg|mem|loop-control|fuse)$"')).not.toBe('0');
    expect(await sh(second, 'grep CapBnd /proc/self/status')).not.toBe(
      await sh(first, 'grep CapBnd /proc/self/status'),
    );
    await stop();
  });

  test('termination messages from the file and from the log', async () => {
    const leave = (name: string, command: string, policy: 'File' | 'FallbackToLogsOnError'): Container => ({
      name,
      image: busybox,
      command: ['sh', '-c', command],
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: policy,
    });
    const filed = leave('filed', 'echo -n disk full > /dev/termination-log; exit 1', 'File');
    const logged = leave('logged', 'echo what happened; exit 2', 'FallbackToLogsOnError');
    const { run, stop } = await startPod(podOf('last-words', { containers: [filed, logged] }));
    const messageOf = async (id: string, container: Container): Promise<string> => {
      let message = '';
      await eventually(async () => {
        const status = await node.connection.runtime.containerStatus(id);
        expect(status.state).toBe('exited');
        message = await readTerminationMessage(hostFiles, {
          status,
          terminationMessagePath: container.terminationMessagePath!,
          terminationMessagePolicy: container.terminationMessagePolicy!,
        });
        expect(message).not.toBe('');
      });
      return message;
    };
    expect(await messageOf(await run(filed), filed)).toBe('disk full');
    expect(await messageOf(await run(logged), logged)).toBe('what happened\n');
    await stop();
  });

  test('runAsNonRoot looks at the image', async () => {
    const container: Container = { ...sleeper, name: 'app', securityContext: { runAsNonRoot: true } };
    const { run, stop } = await startPod(podOf('strict', { containers: [container] }));
    await expect(run(container)).rejects.toThrow(
      'container has runAsNonRoot and image will run as root (pod: "strict_shop(uid-strict)", container: app)',
    );
    await stop();
  });
});
