// Pods as the kubelet configures them, on a real containerd: what a process inside sees of its spec.
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConfigMap, Container, Pod, PodSpec, Secret } from '../../src/api/generated/types.ts';
import { runtimeSupports } from '../../src/cri/runtime-supports.ts';
import type { RuntimeVersion } from '../../src/cri/runtime.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { hostFiles } from '../../src/host/files.ts';
import { createHostMounts, ensureSharedMount, listMounts } from '../../src/host/mounts.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { realRandom } from '../../src/host/real-random.ts';
import { createHostSubPaths } from '../../src/host/sub-paths.ts';
import { createContainerConfigBuilder } from '../../src/kubelet/container-config/container-config-builder.ts';
import { readTerminationMessage } from '../../src/kubelet/container-config/termination-message.ts';
import { createSandboxConfigBuilder } from '../../src/kubelet/sandbox-config/sandbox-config-builder.ts';
import type { ContainerConfigBuilder, SandboxConfigBuilder } from '../../src/kubelet/seams.ts';
import { objectNotFound } from '../../src/kubelet/volumes/object-source.ts';
import { type ClosableVolumeManager, createVolumeManager } from '../../src/kubelet/volumes/volume-manager.ts';
import type { ChangedObject } from '../../src/kubelet/volumes/watched-objects.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

const image = 'docker.io/library/busybox:latest';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe.skipIf(reason !== undefined)('pods by their spec', () => {
  let node: TestNode;
  let version: RuntimeVersion;
  let volumes: ClosableVolumeManager;
  let containers: ContainerConfigBuilder;
  let sandboxes: SandboxConfigBuilder;
  let tell: (changed: ChangedObject) => void;
  const configMaps: Record<string, ConfigMap> = {
    settings: { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' } },
  };
  const secrets: Record<string, Secret> = {
    login: { metadata: { name: 'login' }, data: { user: base64('bob'), pass: base64('pw') } },
  };
  const objects = {
    configMap: async (_: string, name: string) => configMaps[name] ?? Promise.reject(objectNotFound('configmap', name)),
    secret: async (_: string, name: string) => secrets[name] ?? Promise.reject(objectNotFound('secret', name)),
    register() {},
    unregister() {},
    onChange(listener: (changed: ChangedObject) => void) {
      tell = listener;
      return () => {};
    },
    close() {},
  };

  beforeAll(async () => {
    node = await startTestNode('10.142.9.0/24');
    await node.images.load('fixtures/images/busybox.tar');
    version = await node.connection.runtime.version();
    const { kubeletDir, podsDir, podLogsDir } = node.instance;
    mkdirSync(podsDir, { recursive: true });
    await ensureSharedMount(hostProcesses, podsDir);
    const cgroups = await openCgroups();
    volumes = createVolumeManager({
      root: kubeletDir,
      files: hostFiles,
      mounts: createHostMounts(),
      clock: realClock,
      logger: silentLogger,
      objects,
      nodeAllocatable: () => ({ cpu: '2', memory: '1Gi' }),
    });
    containers = createContainerConfigBuilder({
      root: kubeletDir,
      files: hostFiles,
      random: realRandom,
      logger: silentLogger,
      objects,
      images: node.connection.images,
      services: () => [],
      nodeAllocatable: () => ({ cpu: '2', memory: '1Gi' }),
      machine: () => ({
        memoryCapacity: node.machine.memoryBytes,
        cgroupVersion: cgroups?.version ?? 1,
        hugePageSizes: [],
        minOomScoreAdj: node.machine.leastOomScoreAdj,
        swapControllerAvailable: false,
      }),
      clusterDomain: 'cluster.local',
      supports: (feature) => runtimeSupports(version, feature),
      subPaths: createHostSubPaths(),
    });
    sandboxes = createSandboxConfigBuilder({
      files: hostFiles,
      podLogsRoot: podLogsDir,
      clusterDns: ['10.43.0.10'],
      clusterDomain: 'cluster.local',
      resolvConf: '/etc/resolv.conf',
      nodeIPs: () => [],
      warn() {},
    });
  });
  afterAll(async () => {
    volumes?.close();
    await node?.cleanUp();
  });

  const podOf = (name: string, spec: Partial<PodSpec>): Pod =>
    ({
      metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels: { app: name } },
      spec: { dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, ...spec },
    }) as unknown as Pod;

  /** Starts the pod's sandbox; `run` then starts a container of it and gives its id. */
  async function startPod(pod: Pod) {
    const { runtime } = node.connection;
    const uid = pod.metadata!.uid!;
    const cgroupParent = `${node.instance.cgroupRoot}/pod-${uid}`;
    await (await openCgroups())!.create(cgroupParent);
    const prepared = await volumes.prepare(pod);
    if (!prepared.ok) throw new Error(prepared.messages.join('\n'));
    const sandboxConfig = await sandboxes.build(pod, { attempt: 0, cgroupParent });
    const sandbox = await runtime.runPodSandbox(sandboxConfig);
    const { ips } = await runtime.podSandboxStatus(sandbox);
    const run = async (container: Container, restartCount = 0): Promise<string> => {
      const config = await containers.build(pod, container, {
        restartCount,
        podIPs: ips,
        hostIPs: ['192.0.2.1'],
        mounts: prepared.mounts,
        imageRef: image,
        sandboxConfig,
        kind: 'container',
      });
      const id = await runtime.createContainer(sandbox, config, sandboxConfig);
      await runtime.startContainer(id);
      return id;
    };
    const stop = async (): Promise<void> => {
      await runtime.stopPodSandbox(sandbox);
      await runtime.removePodSandbox(sandbox);
      await volumes.teardown(uid);
    };
    return { run, stop, ips };
  }
  const sh = async (id: string, script: string): Promise<string> => {
    const { stdout, stderr } = await node.connection.runtime.execSync(id, ['sh', '-c', script], 10);
    return `${stdout.toString()}${stderr.toString()}`.trim();
  };
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
  const sleeper: Partial<Container> = { image, command: ['sleep', '1000'] };

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

    configMaps['settings'] = { metadata: { name: 'settings' }, data: { color: 'blue' } };
    tell({ kind: 'configmap', namespace: 'shop', name: 'settings' });
    await eventually(async () => expect(await sh(id, 'cat /cfg/color; ls /cfg')).toBe('bluecolor'), 1000);
    // A subPath shows the file that it was bound to, as documented.
    expect(await sh(id, 'cat /one/color')).toBe('red');
    await node.connection.runtime.stopContainer(id, 0);
    const again = await run(container, 1);
    expect(await sh(again, 'cat /one/color /work/start')).toBe('bluestarted as whole');
    await stop();
    const left = (await listMounts()).filter(({ mountPoint }) => mountPoint.includes('uid-whole'));
    expect(left).toEqual([]);
    expect(await volumes.listPodsOnDisk()).toEqual([]);
    configMaps['settings'] = { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' } };
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
      image,
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
