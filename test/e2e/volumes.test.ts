// Volumes through the API: every kind from inside a container, what is refused and how, changes that arrive, and what is left behind.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec, Volume, VolumeProjection } from '../../src/api/generated/types.ts';
import { podPaths } from '../../src/kubelet/pod-paths.ts';
import { hostProcesses, must } from '../../src/host/processes.ts';
import { eventually } from '../support/eventually.ts';
import { type RawApi, rawApi } from '../support/api.ts';
import { noContainers, type Peapod, startPeapod } from '../support/peapod.ts';
import { selfSigned } from '../support/trust-anchor.ts';

/** Off by default, as in Kubernetes. */
const trustBundles = [
  '--feature-gates=ClusterTrustBundle=true,ClusterTrustBundleProjection=true',
  '--runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true',
];

let peapod: Peapod;
let api: RawApi;
let host: string;
let socket: Server;

const base = '/api/v1/namespaces/default';
async function send(method: string, path: string, body?: unknown): Promise<void> {
  const { status, text } = await api.request(method, `${base}/${path}`, body === undefined ? {} : { body });
  if (status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
}
interface Applied {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  [field: string]: unknown;
}
/** Makes the objects, or puts them in the place of those that are there. */
async function apply(...objects: Applied[]): Promise<void> {
  await Promise.all(
    objects.map(async (object) => {
      const resource = `${object.kind.toLowerCase()}s`;
      const { status, text } = await api.request('POST', `${base}/${resource}`, { body: object });
      if (status === 409) return send('PUT', `${resource}/${object.metadata.name}`, object);
      if (status > 299) throw new Error(text);
    }),
  );
}
const endAll = (): Promise<void> => send('DELETE', 'pods?gracePeriodSeconds=1');
const sh = (pod: string, script: string, container = 'c'): Promise<string> =>
  peapod
    .tryKubectl(['exec', pod, '-c', container, '--', 'sh', '-c', script])
    .then(({ stdout, stderr }) => `${stdout}${stderr}`.trim());
const podNow = async (name: string): Promise<Pod> => (await api.request('GET', `${base}/pods/${name}`)).json<Pod>();
const ready = (name: string): Promise<Pod> =>
  eventually(
    `${name} is ready`,
    async () => {
      const pod = await podNow(name);
      if (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return pod;
      throw new Error(JSON.stringify(pod.status?.containerStatuses ?? pod.status) + (await events(name)).join('\n'));
    },
    60_000,
  );
/** `reason message` of the pod's events. */
async function events(pod: string): Promise<string[]> {
  const answer = await api.request('GET', `${base}/events?fieldSelector=involvedObject.name%3D${pod}`);
  const { items } = answer.json<{ items: { reason: string; message: string }[] }>();
  return items.map(({ reason, message }) => `${reason} ${message}`);
}
const waiting = (pod: Pod): { reason?: string; message?: string } | undefined =>
  pod.status?.containerStatuses?.[0]?.state?.waiting;

const object = (kind: 'ConfigMap' | 'Secret', name: string, data: Record<string, string>): Applied => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  ...(kind === 'Secret' ? { stringData: data } : { data }),
});

/** A pod whose one container idles with every volume mounted under its own name. */
function idle(
  name: string,
  volumes: Volume[],
  more: Partial<PodSpec> = {},
  container: Partial<Container> = {},
): Applied {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'c',
          image: 'busybox:1.28',
          command: ['sleep', '3600'],
          volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: `/v/${volume.name}` })),
          ...container,
        },
      ],
      volumes,
      ...more,
    },
  };
}

/** What the kernel has mounted below the instance's pods, without the one tmpfs of all of them. */
const podMounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(join(peapod.dataDir, 'kubelet/pods/')) && !point.endsWith('/.memory'));
const podFolders = (): string[] =>
  ['', '.memory'].flatMap((folder) =>
    readdirSync(join(peapod.dataDir, 'kubelet/pods', folder)).filter((name) => name !== '.memory'),
  );

async function restart(): Promise<void> {
  await peapod.kill9();
  api.close();
  await peapod.restart();
  api = rawApi(peapod.dataDir);
}

describe.skipIf(noContainers)(`volumes${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    host = mkdtempSync(join(tmpdir(), 'peapod-host-'));
    mkdirSync(join(host, 'dir'));
    writeFileSync(join(host, 'dir/seen'), 'host');
    writeFileSync(join(host, 'file'), 'host');
    await must(hostProcesses, ['mknod', join(host, 'block'), 'b', '7', '250']);
    await must(hostProcesses, ['mkfifo', join(host, 'pipe')]);
    socket = createServer((connection) => connection.end('hello')).listen(join(host, 'socket'));
    peapod = await startPeapod({ args: trustBundles });
    api = rawApi(peapod.dataDir);
    await apply(
      object('ConfigMap', 'settings', { color: 'red', size: 'xl' }),
      object('Secret', 'login', { user: 'bob', pass: 's3cret' }),
    );
  });
  afterEach(() => endAll());
  afterAll(async () => {
    api?.close();
    await peapod?.dispose();
    socket?.close();
    rmSync(host, { recursive: true, force: true });
  });

  test('every kind is there as its spec says', async () => {
    const typed = (name: string, path: string, type: string): Volume =>
      ({ name, hostPath: { path: join(host, path), type } }) as Volume;
    const volumes: Volume[] = [
      { name: 'disk', emptyDir: {} },
      { name: 'plain' },
      { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'any', hostPath: { path: join(host, 'dir') } },
      typed('dir', 'dir', 'Directory'),
      typed('newdir', 'new/deep', 'DirectoryOrCreate'),
      typed('file', 'file', 'File'),
      typed('newfile', 'newfile', 'FileOrCreate'),
      typed('socket', 'socket', 'Socket'),
      { name: 'char', hostPath: { path: '/dev/null', type: 'CharDevice' } },
      typed('block', 'block', 'BlockDevice'),
      { name: 'cfg', configMap: { name: 'settings' } },
      { name: 'items', configMap: { name: 'settings', items: [{ key: 'color', path: 'a/b', mode: 0o400 }] } },
      { name: 'secret', secret: { secretName: 'login', defaultMode: 0o440 } },
      { name: 'opt', configMap: { name: 'none', optional: true } },
      { name: 'optkey', secret: { secretName: 'login', optional: true, items: [{ key: 'x', path: 'x' }] } },
      {
        name: 'down',
        downwardAPI: {
          items: [
            { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
            { path: 'mem', resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } },
          ],
        },
      },
      {
        name: 'all',
        projected: {
          defaultMode: 0o444,
          sources: [
            { configMap: { name: 'settings', items: [{ key: 'size', path: 'size' }] } },
            { secret: { name: 'login', items: [{ key: 'user', path: 'who', mode: 0o400 }] } },
            { downwardAPI: { items: [{ path: 'ns', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
            { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 700 } },
          ],
        },
      },
      { name: 'image', image: { reference: 'geektime/sample:v2', pullPolicy: 'IfNotPresent' } },
    ];
    await apply(
      idle('kinds', volumes, {}, { resources: { limits: { memory: '64Mi' }, requests: { memory: '64Mi' } } }),
    );
    const { status } = await ready('kinds');
    const look = `cd /v
      stat -c '%n %F %a' disk plain mem any dir newdir file newfile socket char block
      cat any/seen dir/seen file; echo
      cat cfg/color cfg/size; stat -L -c ' %a' cfg/color; cat items/a/b; stat -L -c ' %a' items/a/b
      cat secret/user; stat -L -c ' %a' secret/user; cat opt/* optkey/* 2>/dev/null | wc -c
      cat down/labels; echo " $(cat down/mem)"; cat all/size all/who all/ns; stat -L -c ' %a' all/who all/size
      cut -d. -f2 all/token | tr _- /+ | base64 -d 2>/dev/null | grep -o '"aud":."vault".'
      awk '$2 ~ "^/v/(secret|all|mem)$" {print $2, $3, substr($4, 1, 2)}' /proc/mounts | sort
      for d in cfg secret down all image; do touch $d/x 2>&1 | grep -c Read-only; done
      ls image/bin/sh; image/bin/sh -c true 2>&1 | grep -c denied`;
    expect((await sh('kinds', look)).split('\n').map((line) => line.trim())).toEqual([
      'disk directory 777',
      'plain directory 777',
      'mem directory 777',
      'any directory 755',
      'dir directory 755',
      'newdir directory 755',
      'file regular file 644',
      'newfile regular empty file 644',
      expect.stringMatching(/^socket socket /),
      expect.stringMatching(/^char character special file /),
      expect.stringMatching(/^block block special file /),
      'hosthosthost',
      'redxl 644',
      'red 400',
      'bob 440',
      '0',
      'app="kinds" 64',
      'xlbobdefault 400',
      '444',
      '"aud":["vault"]',
      '/v/all tmpfs ro',
      '/v/mem tmpfs rw',
      '/v/secret tmpfs ro',
      '1',
      '1',
      '1',
      '1',
      '1',
      'image/bin/sh',
      '1',
    ]);
    expect(statSync(join(host, 'new/deep')).isDirectory()).toBe(true);
    expect(readFileSync(join(host, 'newfile'), 'utf8')).toBe('');
    // What the status tells of mounts is of those that the spec names, with the token's that admission adds.
    const mounts = status?.containerStatuses?.[0]?.volumeMounts;
    expect(mounts?.find(({ name }) => name === 'disk')).toEqual({ name: 'disk', mountPath: '/v/disk' });
    expect(mounts).toContainEqual({
      name: expect.stringMatching(/^kube-api-access-/),
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      readOnly: true,
      recursiveReadOnly: 'Disabled',
    });
  });

  test('what cannot be mounted says why, each volume for itself, and the pod waits', async () => {
    const typed = (name: string, path: string, type: string): Volume =>
      ({ name, hostPath: { path: join(host, path), type } }) as Volume;
    const failing: [Volume, string][] = [
      [typed('dir', 'file', 'Directory'), `hostPath type check failed: ${host}/file is not a directory, it's a File`],
      [typed('dir-none', 'none', 'Directory'), `hostPath ${host}/none doesn't exist`],
      [
        typed('dir-make', 'file', 'DirectoryOrCreate'),
        `hostPath type check failed: ${host}/file is not a directory, it's a File`,
      ],
      [typed('file', 'dir', 'File'), `hostPath type check failed: ${host}/dir is not a file, it's a Directory`],
      [
        typed('file-make', 'dir', 'FileOrCreate'),
        `hostPath type check failed: ${host}/dir is not a file, it's a Directory`,
      ],
      [typed('file-deep', 'a/b', 'FileOrCreate'), `open ${host}/a/b: no such file or directory`],
      [typed('socket', 'file', 'Socket'), `hostPath type check failed: ${host}/file is not a socket file, it's a File`],
      [
        typed('char', 'block', 'CharDevice'),
        `hostPath type check failed: ${host}/block is not a character device, it's a BlockDevice`,
      ],
      [
        typed('block', 'socket', 'BlockDevice'),
        `hostPath type check failed: ${host}/socket is not a block device, it's a Socket`,
      ],
      [
        typed('pipe', 'pipe', 'File'),
        `hostPath type check failed, ${host}/pipe is not a file, unable to determine its type: only recognise file, directory, socket, block device and character device`,
      ],
      [{ name: 'cfg', configMap: { name: 'none' } }, 'configmap "none" not found'],
      [
        { name: 'key', secret: { secretName: 'login', items: [{ key: 'x', path: 'x' }] } },
        'references non-existent secret key: x',
      ],
      [
        { name: 'csi', csi: { driver: 'd.example' } },
        'kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name d.example not found in the list of registered CSI drivers',
      ],
      [
        { name: 'huge', emptyDir: { medium: 'HugePages' } },
        'medium HugePages: hugePages storage requested, but there is no resource request for huge pages',
      ],
    ];
    // Of one pod more than ten events of a kind would be told as one.
    const half = failing.length / 2;
    const volumesOf = (part: typeof failing): Volume[] => part.map(([volume]) => volume);
    await apply(
      idle('failing', volumesOf(failing.slice(0, half))),
      idle('failing-too', volumesOf(failing.slice(half))),
      idle('no-plugin', [
        { name: 'disk', emptyDir: {} },
        { name: 'nfs', nfs: { server: 's', path: '/' } },
      ]),
    );
    const wanted = failing.map(
      ([{ name }, why]) => `FailedMount MountVolume.SetUp failed for volume "${name}" : ${why}`,
    );
    await eventually('an event for each', async () => {
      const seen = [...(await events('failing')), ...(await events('failing-too'))];
      expect(seen).toEqual(expect.arrayContaining(wanted));
      expect(await events('no-plugin')).toContainEqual(
        'FailedMount Unable to attach or mount volumes: unmounted volumes=[nfs], unattached volumes=[], failed to process volumes=[nfs]: failed to get Plugin from volumeSpec for volume "nfs" err=no volume plugin matched: nfs is not supported by this node yet',
      );
      return true;
    });
    for (const name of ['failing', 'failing-too', 'no-plugin'])
      expect(waiting(await podNow(name))).toEqual({ reason: 'ContainerCreating' });
  });

  test('trust bundles come by name and by signer, late ones too, and change in the container', async () => {
    const [one, two, own] = await Promise.all(['one', 'two', 'own'].map((name) => selfSigned(name)));
    const bundle = (name: string, trustBundle: string, signerName?: string): string =>
      JSON.stringify({
        apiVersion: 'certificates.k8s.io/v1beta1',
        kind: 'ClusterTrustBundle',
        metadata: { name, labels: { env: 'live' } },
        spec: { trustBundle, ...(signerName === undefined ? {} : { signerName }) },
      });
    const create = (...of: Parameters<typeof bundle>) => peapod.kubectl(['apply', '-f', '-'], { input: bundle(...of) });
    const signerName = 'example.com/ca';
    await create('example.com:ca:one', `words\n${one}`, signerName);
    await create('example.com:ca:two', `${two}${one}`, signerName);
    const live = { matchLabels: { env: 'live' } };
    const sources: VolumeProjection[] = [
      {
        clusterTrustBundle: { signerName: 'kubernetes.io/kube-apiserver-serving', labelSelector: {}, path: 'api.pem' },
      },
      { clusterTrustBundle: { signerName, labelSelector: live, path: 'all.pem' } },
      { clusterTrustBundle: { name: 'none', optional: true, path: 'none.pem' } },
      { clusterTrustBundle: { name: 'late', path: 'd/late.pem' } },
    ];
    await apply(idle('trust', [{ name: 'ca', projected: { sources } }]));
    await eventually('the event of what is not there', async () =>
      expect(await events('trust')).toContain(
        'FailedMount MountVolume.SetUp failed for volume "ca" : while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "late" not found',
      ),
    );
    await create('late', own!);
    await ready('trust');
    const file = (name: string): Promise<string> => sh('trust', `cat /v/ca/${name}`);
    expect(await file('d/late.pem')).toBe(own!.trim());
    expect(await file('none.pem')).toBe('');
    expect([`${one}${two}`, `${two}${one}`]).toContain(`${await file('all.pem')}\n`);
    expect(await file('api.pem')).toBe(await sh('trust', 'cat /var/run/secrets/kubernetes.io/serviceaccount/ca.crt'));
    await peapod.kubectl([
      'patch',
      'clustertrustbundle',
      'late',
      '-p',
      JSON.stringify({ spec: { trustBundle: two } }),
      '--type=merge',
    ]);
    await peapod.kubectl(['delete', 'clustertrustbundle', 'example.com:ca:two']);
    await eventually('the changes', async () =>
      expect([await file('d/late.pem'), await file('all.pem')]).toEqual([two!.trim(), one!.trim()]),
    );
    const table = await peapod.kubectl(['get', 'clustertrustbundles']);
    expect(table).toMatch(/^NAME +SIGNERNAME\n/);
    expect(table).toMatch(/^kubernetes\.io:kube-apiserver-serving:\w+ +kubernetes\.io\/kube-apiserver-serving$/m);
    expect(table).toMatch(/^late +<none>$/m);
    const { code, stderr } = await peapod.tryKubectl(['apply', '-f', '-'], { input: bundle('bad', 'trust me') });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('at least one trust anchor') });
  });

  test('claims get volumes of the machine; they stay while a pod has them, and their volumes are released', async () => {
    const size = { storage: '1Gi' };
    const accessModes = ['ReadWriteOnce'] as const;
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }];
    const volume = (name: string, more: object): object => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: { capacity: size, accessModes, storageClassName: name, ...more },
    });
    const claim = (name: string) => ({
      accessModes: [...accessModes],
      storageClassName: name,
      resources: { requests: size },
    });
    mkdirSync(join(host, 'scratch'));
    const objects = [
      volume('disk', { hostPath: { path: join(host, 'disk'), type: 'DirectoryOrCreate' } }),
      volume('scratch', { local: { path: join(host, 'scratch') }, nodeAffinity: { required: { nodeSelectorTerms } } }),
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'disk' }, spec: claim('disk') },
      idle(
        'claims',
        [
          { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } },
          { name: 'kept', persistentVolumeClaim: { claimName: 'disk', readOnly: true } },
          { name: 'own', ephemeral: { volumeClaimTemplate: { spec: claim('scratch') } } },
        ],
        { securityContext: { fsGroup: 2000 } },
      ),
    ];
    const input = objects.map((one) => JSON.stringify(one)).join('\n');
    await peapod.kubectl(['apply', '-f', '-'], { input });
    await ready('claims');
    expect(
      await sh('claims', 'echo hello > /v/disk/file; cat /v/kept/file; stat -c "%a %g" /v/own; touch /v/own/x'),
    ).toBe('hello\n2775 2000');
    expect(readFileSync(join(host, 'disk/file'), 'utf8')).toBe('hello\n');
    expect(statSync(join(host, 'scratch/x')).gid).toBe(2000);
    expect(await sh('claims', 'echo no > /v/kept/file')).toContain('Read-only file system');
    const columns = async (kind: string, name: string): Promise<string[]> =>
      (await peapod.kubectl(['get', kind, name, '--no-headers'])).trim().split(/\s+/);
    expect((await columns('pvc', 'claims-own')).slice(0, 6)).toEqual([
      'claims-own',
      'Bound',
      'scratch',
      '1Gi',
      'RWO',
      'scratch',
    ]);
    await peapod.kubectl(['delete', 'pvc', 'disk', '--wait=false']);
    expect((await columns('pvc', 'disk'))[1]).toBe('Terminating');
    expect(await peapod.kubectl(['describe', 'pvc', 'disk'])).toMatch(/Used By: +claims\n/);
    await send('DELETE', 'pods/claims');
    await peapod.kubectl(['wait', '--for=delete', 'pvc/disk', 'pvc/claims-own', '--timeout=60s']);
    await peapod.kubectl(['wait', '--for=jsonpath={.status.phase}=Released', 'pv/disk', 'pv/scratch', '--timeout=60s']);
    expect(readFileSync(join(host, 'disk/file'), 'utf8')).toBe('hello\n');
    await peapod.kubectl(['delete', 'pv', 'disk', 'scratch']);
  });

  test('an image that cannot be had holds the container that mounts it, as its own image would', async () => {
    await apply(
      idle('pull-fails', [{ name: 'i', image: { reference: 'docker.io/library/none:1' } }]),
      idle('pull-never', [{ name: 'i', image: { reference: 'docker.io/library/none:1', pullPolicy: 'Never' } }]),
      idle('pull-name', [{ name: 'i', image: { reference: 'No/Name:1' } }]),
    );
    await eventually(
      'back-off',
      async () => waiting(await podNow('pull-fails'))?.reason === 'ImagePullBackOff',
      60_000,
    );
    const seen = await events('pull-fails');
    expect(seen).toContainEqual('Pulling Pulling image "docker.io/library/none:1"');
    expect(seen).toContainEqual('Failed Error: ErrImagePull');
    expect(seen.some((text) => text.startsWith('Failed Failed to pull image "docker.io/library/none:1": '))).toBe(true);
    expect(waiting(await podNow('pull-never'))).toEqual({
      reason: 'ErrImageNeverPull',
      message: 'Container image "docker.io/library/none:1" is not present with pull policy of Never',
    });
    expect(waiting(await podNow('pull-name'))?.reason).toBe('InvalidImageName');
  });

  test('changes arrive whole within a second: config maps, secrets, labels, sources that come later or go', async () => {
    const pair = (value: string): Applied =>
      object('ConfigMap', 'pair', { a: value.repeat(50_000), b: value.repeat(50_000) });
    await apply(pair('1'), object('Secret', 'turning', { key: 'one' }));
    const volumes: Volume[] = [
      { name: 'pair', configMap: { name: 'pair' } },
      { name: 'turning', secret: { secretName: 'turning' } },
      { name: 'later', configMap: { name: 'later', optional: true } },
      { name: 'down', downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ];
    // Reads through one look at ..data, as a careful program does, and tells of pairs that do not match. A folder may go meanwhile.
    const look = 'cd -P /v/pair/..data && x=$(md5sum < a) && y=$(md5sum < b) && [ "$x" != "$y" ] && echo torn';
    const reader = `while :; do (${look}); done 2>/dev/null`;
    await apply(idle('live', volumes, { securityContext: { fsGroup: 2000 } }, { command: ['sh', '-c', reader] }));
    const { metadata } = await ready('live');
    /** Makes the change, and gives the ms from the API's answer until the file that the container has mounted shows it. */
    const until = async (
      [plugin, file]: [plugin: string, file: string],
      change: () => Promise<unknown>,
      text: string | undefined,
    ): Promise<number> => {
      const [volume = '', name = ''] = file.split('/');
      const folder = podPaths.volume(join(peapod.dataDir, 'kubelet'), metadata?.uid ?? '', plugin, volume);
      await change();
      const changed = performance.now();
      const shows = (): boolean => {
        const path = join(folder, name);
        return text === undefined ? !existsSync(path) : existsSync(path) && readFileSync(path, 'utf8').includes(text);
      };
      await eventually(`${file} has ${text}`, shows, 20_000, 5);
      return performance.now() - changed;
    };
    const times = {
      configMap: await until(['configmap', 'pair/a'], () => apply(pair('2')), '2'),
      secret: await until(['secret', 'turning/key'], () => apply(object('Secret', 'turning', { key: 'two' })), 'two'),
      labels: await until(
        ['downward-api', 'down/l'],
        () => peapod.kubectl(['label', 'pod', 'live', 'more=new']),
        'new',
      ),
      later: await until(['configmap', 'later/x'], () => apply(object('ConfigMap', 'later', { x: '1' })), '1'),
      away: await until(['configmap', 'later/x'], () => send('DELETE', 'configmaps/later'), undefined),
    };
    expect(await sh('live', 'head -c 1 /v/pair/a; cat /v/turning/key /v/down/l; ls /v/later')).toBe(
      '2twoapp="live"\nmore="new"',
    );
    console.log('ms from the answer of the API until the files that the container has mounted show it:', times);
    // Well within a second on a machine at rest; what must not be is the minute of polling.
    for (const [what, ms] of Object.entries(times)) expect(ms, what).toBeLessThan(5000);
    const many = async (): Promise<void> => {
      for (const value of ['3', '4', '5', '6']) await apply(pair(value));
    };
    await until(['configmap', 'pair/a'], many, '6');
    await send('DELETE', 'configmaps/pair');
    await eventually('told that it is gone', async () =>
      (await events('live')).includes(
        'FailedMount MountVolume.SetUp failed for volume "pair" : configmap "pair" not found',
      ),
    );
    expect(await sh('live', 'head -c 1 /v/pair/a; stat -L -c ";%a %g" /v/pair/a /v/turning/key')).toBe(
      '6;644 2000\n;644 2000',
    );
    expect(await peapod.kubectl(['logs', 'live'])).toBe('');
  });

  test('tokens belong to the one user of the pod, or to its fsGroup', async () => {
    const token: Volume = { name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
    const look = 'stat -L -c "%a %u %g" /v/t/token; wc -c < /v/t/token | grep -c ...';
    await apply(
      idle('t-user', [token], { securityContext: { runAsUser: 1000 } }),
      idle('t-group', [token], { securityContext: { runAsUser: 1000, fsGroup: 2000 } }),
      idle('t-mixed', [token], {
        initContainers: [
          { name: 'i', image: 'busybox:1.28', command: ['true'], securityContext: { runAsUser: 2 } } as Container,
        ],
        securityContext: { runAsUser: 1000 },
      }),
    );
    await Promise.all(['t-user', 't-group', 't-mixed'].map(ready));
    expect(await sh('t-user', look)).toBe('600 1000 0\n1');
    expect(await sh('t-group', look)).toBe('640 1000 2000\n1');
    expect(await sh('t-mixed', look)).toBe('644 0 0\n1');
  });

  test('/etc/hosts, names and DNS are those of the spec', async () => {
    const aliases = [{ ip: '10.1.2.3', hostnames: ['foo.remote', 'bar.remote'] }];
    const nameservers = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const ofNode = [...readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^nameserver +(\S+)/gm)].map(([, ip]) => ip);
    const dnsConfig = {
      nameservers,
      searches: ['a.example'],
      options: [{ name: 'ndots', value: '3' }, { name: 'rotate' }],
    };
    await apply(
      idle('named', [], {
        hostname: 'db',
        subdomain: 'ring',
        setHostnameAsFQDN: true,
        hostAliases: aliases,
        dnsPolicy: 'None',
        dnsConfig,
      }),
      idle('many', [], { dnsPolicy: 'Default', dnsConfig: { nameservers } }),
      idle('on-host', [], { hostNetwork: true, hostAliases: aliases, dnsPolicy: 'Default' }),
      idle(
        'own-hosts',
        [{ name: 'h', emptyDir: {} }],
        {},
        { volumeMounts: [{ name: 'h', mountPath: '/etc/hosts', subPath: 'hosts' }], command: ['sleep', '3600'] },
      ),
    );
    const named = await ready('named');
    const fqdn = 'db.ring.default.svc.cluster.local';
    expect(await sh('named', 'hostname; cat /etc/resolv.conf; tail -4 /etc/hosts')).toBe(
      [
        fqdn,
        'search a.example',
        'nameserver 192.0.2.1',
        'nameserver 192.0.2.2',
        'nameserver 192.0.2.3',
        'options ndots:3 rotate',
        `${named.status?.podIP}\t${fqdn}\tdb`,
        '',
        '# Entries added by HostAliases.',
        '10.1.2.3\tfoo.remote\tbar.remote',
      ].join('\n'),
    );
    await ready('many');
    const applied = [...new Set([...ofNode, ...nameservers])].slice(0, 3).join(' ');
    if (ofNode.length > 0)
      expect(await events('many')).toContainEqual(
        `DNSConfigForming Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${applied}`,
      );
    expect(await sh('many', 'awk \'$1 == "nameserver" {print $2}\' /etc/resolv.conf | xargs')).toBe(applied);
    await ready('on-host');
    // A container that mounts something there has no file of the kubelet's.
    await ready('own-hosts');
    expect(await sh('own-hosts', 'ls -A /etc/hosts')).toBe('');
    expect(await sh('on-host', 'cat /etc/hosts')).toBe(
      `# Kubernetes-managed hosts file (host network).\n${readFileSync('/etc/hosts', 'utf8')}\n# Entries added by HostAliases.\n10.1.2.3\tfoo.remote\tbar.remote`,
    );
  });

  test('nothing is left behind, kill -9 at any step of coming and going included', async () => {
    const volumes: Volume[] = [
      { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'disk', emptyDir: {} },
      { name: 'secret', secret: { secretName: 'login' } },
      { name: 'image', image: { reference: 'geektime/sample:v2', pullPolicy: 'IfNotPresent' } },
    ];
    const part = [
      ...volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` })),
      { name: 'disk', mountPath: '/part', subPath: 'a/b' },
      { name: 'secret', mountPath: '/user', subPath: 'user' },
    ];
    const names = Array.from({ length: 4 }, (_, i) => `left-${i}`);
    const pods = names.map((name) => idle(name, volumes, {}, { volumeMounts: part }));
    for (const afterMs of process.env['PEAPOD_LONG'] === '1' ? [50, 150, 300, 500, 700, 1000] : [400]) {
      await apply(...pods);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await restart();
      await Promise.all(names.map(ready));
      expect(await sh('left-3', 'cat /user; touch /part/x; ls /v/disk/a/b')).toBe('bobx');
      await endAll();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await restart();
      await eventually(
        'all is given back',
        async () => {
          expect((await api.request('GET', `${base}/pods`)).json<{ items: Pod[] }>().items).toEqual([]);
          expect(podFolders()).toEqual([]);
          expect(podMounts()).toEqual([]);
          return true;
        },
        60_000,
      );
    }
    const socketPath = join(peapod.dataDir, 'run/containerd.sock');
    const views = await must(hostProcesses, ['ctr', '--address', socketPath, '-n', 'k8s.io', 'snapshots', 'list']);
    expect(views).not.toContain('peapod-volume');
  }, 600_000);
});
