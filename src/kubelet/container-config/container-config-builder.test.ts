import { beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/generated/types.ts';
import type { RuntimeFeature } from '../../cri/runtime-supports.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { type ContainerConfigBuilder, type ContainerConfigInput, CreateContainerConfigError } from '../seams.ts';
import { objectNotFound } from '../volumes/object-source.ts';
import { createContainerConfigBuilder } from './container-config-builder.ts';
import { noServices } from './service-source.ts';

let files: Files;
let features: Set<RuntimeFeature>;
let imageUser: { uid?: number; username: string };
let forbidding: boolean;
let builder: ContainerConfigBuilder;
beforeEach(async () => {
  forbidding = false;
  files = createMemoryFiles();
  await files.mkdir('/k/pods/u-1', { recursive: true });
  features = new Set();
  imageUser = { username: '' };
  builder = createContainerConfigBuilder({
    root: '/k',
    files,
    random: { float: () => 0, uuid: () => '' },
    logger: silentLogger,
    objects: {
      configMap: async (_, name) => Promise.reject(objectNotFound('configmap', name)),
      secret: async (_, name) => Promise.reject(objectNotFound('secret', name)),
    },
    images: {
      imageStatus: async () => ({
        id: 'sha256:1',
        repoTags: [],
        repoDigests: [],
        size: 1,
        pinned: false,
        ...imageUser,
      }),
    },
    services: noServices,
    nodeAllocatable: () => ({}),
    get allowPrivileged() {
      return !forbidding;
    },
    maskedPaths: ['/sys/heat'],
    machine: () => ({
      memoryCapacity: 2 ** 30,
      cgroupVersion: 1,
      hugePageSizes: [],
      minOomScoreAdj: -1000,
      swapControllerAvailable: false,
    }),
    clusterDomain: 'cluster.local',
    supports: (feature) => features.has(feature),
  });
});

const podOf = (spec: Partial<PodSpec> = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' } },
    spec: { containers: [], terminationGracePeriodSeconds: 30, ...spec },
  }) as unknown as Pod;
const input: ContainerConfigInput = {
  restartCount: 3,
  podIPs: ['10.42.0.5'],
  hostIPs: ['192.0.2.1'],
  mounts: new Map(),
  imageRef: 'sha256:1',
  sandboxConfig: {
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 0 },
    logDirectory: '/logs/shop_web_u-1',
  },
  kind: 'container',
};
const failureOf = async (container: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<unknown> => {
  try {
    await builder.build(podOf(spec), { name: 'app', image: 'nginx', ...container }, input);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('createContainerConfigBuilder', () => {
  it('builds the whole config', async () => {
    imageUser = { uid: 33, username: '' };
    const container: Container = {
      name: 'app',
      image: 'nginx:1.27',
      command: ['sh', '-c', 'echo $(GREETING) $$(GREETING) $(NONE)'],
      args: ['$(POD)'],
      workingDir: '/srv',
      env: [
        { name: 'GREETING', value: 'hello' },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      stdin: true,
      tty: true,
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      resources: { requests: { cpu: '100m' } },
      ports: [{ containerPort: 80, protocol: 'TCP' }],
    };
    const config = await builder.build(podOf({ containers: [container] }), container, input);
    expect(config).toMatchObject({
      metadata: { name: 'app', attempt: 3 },
      image: { image: 'sha256:1', userSpecifiedImage: 'nginx:1.27' },
      command: ['sh', '-c', 'echo hello $(GREETING) $(NONE)'],
      args: ['web'],
      workingDir: '/srv',
      envs: [
        { key: 'GREETING', value: 'hello' },
        { key: 'POD', value: 'web' },
      ],
      logPath: 'app/3.log',
      stdin: true,
      stdinOnce: false,
      tty: true,
      labels: {
        'io.kubernetes.container.name': 'app',
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'shop',
        'io.kubernetes.pod.uid': 'u-1',
      },
      annotations: {
        'io.kubernetes.container.restartCount': '3',
        'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
        'io.kubernetes.container.terminationMessagePolicy': 'File',
        'io.kubernetes.pod.terminationGracePeriod': '30',
        'io.kubernetes.container.ports': '[{"containerPort":80,"protocol":"TCP"}]',
      },
      linux: {
        resources: { cpuShares: 102, oomScoreAdj: 999 },
        securityContext: { runAsUser: 33, namespaceOptions: { pid: 'container' } },
      },
    });
    expect(config.mounts?.map((mount) => mount.containerPath)).toEqual(['/etc/hosts', '/dev/termination-log']);
    expect((await files.stat('/logs/shop_web_u-1/app'))?.kind).toBe('directory');
  });

  it('leaves command and args to the image', async () => {
    const config = await builder.build(podOf(), { name: 'app' }, input);
    expect(config).not.toHaveProperty('command');
    expect(config).not.toHaveProperty('args');
  });

  it.each<[Partial<Container>, string]>([
    [{ envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
    [{ volumeMounts: [{ name: 'v', mountPath: '/v' }] }, 'cannot find volume "v" to mount into container "app"'],
    [{ volumeDevices: [{ name: 'd', devicePath: '/d' }] }, 'cannot find volume "d" to pass into container "app"'],
    [{ resources: { claims: [{ name: 'gpu' }] } }, 'resources.claims is not supported by this node yet'],
    [{ lifecycle: { stopSignal: 'SIGUSR1' } }, 'lifecycle.stopSignal is not supported by the container runtime'],
    [
      { securityContext: { runAsNonRoot: true } },
      'container has runAsNonRoot and image will run as root (pod: "web_shop(u-1)", container: app)',
    ],
  ])('%j is a config error', async (container, message) => {
    const error = await failureOf(container);
    expect(error).toBeInstanceOf(CreateContainerConfigError);
    expect(String(error)).toContain(message);
  });

  it('passes a stop signal on where the runtime knows it', async () => {
    features.add('stopSignal');
    const config = await builder.build(podOf(), { name: 'app', lifecycle: { stopSignal: 'SIGUSR1' } }, input);
    expect(config.stopSignal).toBe('SIGUSR1');
  });

  it('makes no privileged container where the node allows none', async () => {
    expect(await failureOf({ securityContext: { privileged: true } })).toBeUndefined();
    forbidding = true;
    expect(String(await failureOf({ securityContext: { privileged: true } }))).toContain(
      'container "app": this node allows no privileged containers',
    );
    expect(await failureOf({ securityContext: { privileged: false } })).toBeUndefined();
  });

  it('hides what every machine has to hide, and what this one has', async () => {
    const masked = async (container: Partial<Container>): Promise<readonly string[]> =>
      (await builder.build(podOf(), { name: 'app', ...container }, input)).linux?.securityContext?.maskedPaths ?? [];
    expect(await masked({})).toEqual(expect.arrayContaining(['/proc/kcore', '/sys/heat']));
    expect(await masked({ securityContext: { procMount: 'Unmasked' } })).toEqual([]);
  });

  it('runs as the named user of the image', async () => {
    imageUser = { username: 'www-data' };
    const config = await builder.build(podOf(), { name: 'app' }, input);
    expect(config.linux?.securityContext?.runAsUsername).toBe('www-data');
    expect(config.linux?.securityContext).not.toHaveProperty('runAsUser');
  });
});
