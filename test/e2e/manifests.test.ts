// Every manifest that users bring (test/testdata/manifests): as it is, slips included, and corrected; looked at from inside and outside.
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { allKubectls } from '../support/kubectls.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import type { RunResult } from '../support/run.ts';

const folder = join(repository, 'test/testdata/manifests');
const text = (name: string): string => readFileSync(join(folder, `${name}.yaml`), 'utf8');
const all = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -5));

/** What `kubectl apply` of the file as it is says on stderr, where that is not nothing. */
const saidVerbatim: Readonly<Record<string, string>> = {
  'image-pull-policy-misplaced': `Error from server (BadRequest): error when creating "${join(folder, 'image-pull-policy-misplaced.yaml')}": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.imagePullPolicy"\n`,
  'two-containers': `error: error parsing ${join(folder, 'two-containers.yaml')}: error converting YAML to JSON: yaml: line 14: could not find expected ':'\n`,
};
/** Files whose slips keep anything from being made. */
const refused = ['image-pull-policy-misplaced', 'two-containers'];

interface State {
  running?: { startedAt: string };
  waiting?: { reason: string; message?: string };
  terminated?: { exitCode: number; reason: string; startedAt: string; finishedAt: string };
}
interface ContainerStatus {
  name: string;
  containerID: string;
  image: string;
  ready: boolean;
  restartCount: number;
  state: State;
  lastState: State;
}
interface Pod {
  metadata: { name: string; uid: string };
  spec: Record<string, unknown> & { nodeName?: string; containers: Record<string, unknown>[] };
  status: {
    phase: string;
    reason?: string;
    message?: string;
    podIP?: string;
    hostIP?: string;
    qosClass: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

let peapod: Peapod;
let api: RawApi;
let binary: string;

const attempt = (args: string[], input?: string): Promise<RunResult> =>
  peapod.tryKubectl(args, { binary, ...(input === undefined ? {} : { input }) });
async function kubectl(args: string[], input?: string): Promise<string> {
  const result = await attempt(args, input);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.code}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** The one pod of a namespace; each manifest has a namespace of its own name. */
async function podOf(namespace: string): Promise<Pod> {
  const list = (await api.request('GET', `/api/v1/namespaces/${namespace}/pods`)).json<{ items: Pod[] }>();
  if (list.items.length !== 1) throw new Error(`${list.items.length} pods in ${namespace}`);
  return list.items[0]!;
}
const podWhen = (namespace: string, what: string, holds: (pod: Pod) => boolean, deadlineMs = 60_000): Promise<Pod> =>
  eventually(
    `${namespace}: ${what}`,
    async () => {
      const pod = await podOf(namespace);
      if (holds(pod)) return pod;
      throw new Error(JSON.stringify(pod.status));
    },
    deadlineMs,
  );
const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
const ready = (namespace: string): Promise<Pod> => podWhen(namespace, 'is ready', isReady);
const inside = (namespace: string, pod: string, command: string, container?: string): Promise<string> =>
  kubectl(['-n', namespace, 'exec', pod, ...(container ? ['-c', container] : []), '--', 'sh', '-c', command]);
const logs = (namespace: string, pod: string, ...args: string[]): Promise<string> =>
  kubectl(['-n', namespace, 'logs', pod, ...args]);

interface Event {
  type: string;
  reason: string;
  message: string;
  count: number;
  involvedObject: { fieldPath?: string };
}
async function events(namespace: string): Promise<Event[]> {
  return (await api.request('GET', `/api/v1/namespaces/${namespace}/events`)).json<{ items: Event[] }>().items;
}
const reasons = async (namespace: string): Promise<string[]> => (await events(namespace)).map(({ reason }) => reason);
/** Events are sent beside what they tell of, so they may be a little late. */
const reasonsAre = (namespace: string, wanted: string[]): Promise<true> =>
  eventually(`${namespace}: events ${wanted.join(', ')}`, async () => {
    expect((await reasons(namespace)).slice(-wanted.length)).toEqual(wanted);
    return true as const;
  });
const eventOf = (namespace: string, reason: string): Promise<Event> =>
  eventually(`${namespace}: event ${reason}`, async () =>
    (await events(namespace)).find((event) => event.reason === reason),
  );

/** Deletes the pod of a namespace for good and applies another manifest in its place. */
async function instead(namespace: string, manifest: string): Promise<RunResult> {
  await kubectl(['-n', namespace, 'delete', 'pods', '--all', '--now']);
  return attempt(['-n', namespace, 'apply', '-f', '-'], manifest);
}
/** A manifest with its first container's fields replaced. */
function changed(name: string, container: Record<string, unknown>, spec: Record<string, unknown> = {}): string {
  const pod = load(text(name)) as Pod;
  const [first, ...others] = pod.spec.containers;
  return JSON.stringify({
    ...pod,
    spec: { ...pod.spec, ...spec, containers: [{ ...first, ...container }, ...others] },
  });
}
const scratch = (...paths: string[]): Record<string, unknown> => ({
  volumeMounts: paths.map((mountPath, i) => ({ name: `scratch-${i}`, mountPath })),
});
const scratchVolumes = (count: number): Record<string, unknown> => ({
  volumes: Array.from({ length: count }, (_, i) => ({ name: `scratch-${i}`, emptyDir: {} })),
});

function page(host: string, port = 80, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, timeout: 5_000 }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** The folder on this machine that holds a pod's volume. */
const volumeFolder = (uid: string, kind: string, volume: string): string =>
  join(peapod.dataDir, 'kubelet/pods', uid, 'volumes', `kubernetes.io~${kind}`, volume);

/** A control file of the container's cgroup as it sees it, by its names in version 1 and 2. */
const cgroupFile = (namespace: string, pod: string, v1: string, v2: string): Promise<string> =>
  inside(namespace, pod, `cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}`).then((value) =>
    value.trim(),
  );

const hostsOf = (ip: string, name: string): string =>
  [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${ip}\t${name}`,
    '',
  ].join('\n');

describe.skipIf(noContainers)(`manifests that users bring${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  const applied = new Map<string, RunResult>();

  // All of them run side by side, each in a namespace of its own name; the tests then look at what became of them.
  beforeAll(async () => {
    peapod = await startPeapod({ args: ['--node-name', 'kind-worker'] });
    api = rawApi(peapod.dataDir);
    binary = (await allKubectls())[0]!.path;
    const names = [...all];
    const worker = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        await api.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
        applied.set(name, await attempt(['-n', name, 'apply', '-f', join(folder, `${name}.yaml`)]));
      }
    };
    await Promise.all([worker(), worker(), worker()]);
  });
  afterAll(async () => {
    api?.close();
    await peapod?.dispose();
  });

  test('each says on apply exactly what it should', () => {
    for (const name of all) {
      const result = applied.get(name)!;
      expect({ name, code: result.code, stderr: result.stderr }).toEqual({
        name,
        code: refused.includes(name) ? 1 : 0,
        stderr: saidVerbatim[name] ?? '',
      });
      if (!refused.includes(name)) expect(result.stdout).toMatch(/^pod\/[a-z0-9-]+ created\n$/);
    }
  });

  describe('image-pull-policy-misplaced', () => {
    const name = 'image-pull-policy-misplaced';
    const file = join(folder, `${name}.yaml`);
    const unknown = 'unknown field "spec.imagePullPolicy"';

    test.each([
      ['strict', 1, applied],
      ['true', 1, applied],
      ['warn', 0, `Warning: ${unknown}\n`],
      ['ignore', 0, ''],
      ['false', 0, ''],
    ])('--validate=%s', async (mode, code, said) => {
      const result = await attempt(['-n', name, 'apply', '-f', file, `--validate=${mode}`, '--dry-run=server']);
      expect(result).toMatchObject({ code, stderr: typeof said === 'string' ? said : saidVerbatim[name] });
    });

    test('nothing was made; posted raw it is refused alike', async () => {
      const path = `/api/v1/namespaces/${name}/pods`;
      const answer = await api.request('POST', `${path}?fieldValidation=Strict`, {
        body: text(name),
        contentType: 'application/yaml',
      });
      expect(answer.json()).toMatchObject({
        code: 400,
        reason: 'BadRequest',
        message: `Pod in version "v1" cannot be handled as a Pod: strict decoding error: ${unknown}`,
      });
      expect((await api.request('GET', path)).json<{ items: unknown[] }>().items).toEqual([]);
    });

    test('corrected, the policy is the container’s: the image is pulled though it is here', async () => {
      const corrected = text(name)
        .replace('  imagePullPolicy: Always\n', '')
        .replace('    name: nginx', '    name: nginx\n    imagePullPolicy: Always');
      expect(await attempt(['-n', name, 'apply', '-f', '-'], corrected)).toMatchObject({ code: 0, stderr: '' });
      await ready(name);
      await reasonsAre(name, ['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started']);
      expect(await reasons(name)).toHaveLength(5);
      expect((await eventOf(name, 'Pulled')).message).toMatch(
        /^Successfully pulled image "nginx" in \d+m?s \(\d+m?s including waiting\)\. Image size: \d+ bytes\.$/,
      );
    });
  });

  describe('two-containers', () => {
    const name = 'two-containers';
    const path = `/api/v1/namespaces/${name}/pods`;
    const spaced = text(name).replace('shareProcessNamespace:true', 'shareProcessNamespace: true');
    const selecting = spaced.replace('disktype:ssd', 'disktype: ssd');
    const post = (body: string, mode = 'Strict'): Promise<{ status: number; message?: string; warning: string }> =>
      api
        .request('POST', `${path}?dryRun=All&fieldValidation=${mode}`, { body, contentType: 'application/yaml' })
        .then((answer) => ({
          status: answer.status,
          warning: String(answer.headers['warning'] ?? ''),
          ...(answer.status >= 400 ? { message: answer.json<{ message: string }>().message } : {}),
        }));
    const data = existsSync('/data') ? undefined : '/data';

    afterAll(() => {
      if (data !== undefined) rmSync(data, { recursive: true, force: true });
    });

    test('shareProcessNamespace:true is no YAML: posted raw, the server tells the line', async () => {
      const { status, message } = await post(text(name));
      expect(status).toBe(400);
      expect(message).toMatch(
        /^the object provided is unrecognized \(must be of type Pod\): yaml: line 14: .* \(61706956657273696f6e3a2076310a6b696e643a20506f640a6d65746164 \.\.\.\)$/,
      );
    });

    test('disktype:ssd is a string where a map must be', async () => {
      const message =
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.nodeSelector of type map[string]string';
      expect(await post(spaced)).toMatchObject({ status: 400, message });
      for (const mode of ['strict', 'warn', 'ignore']) {
        expect(await attempt(['-n', name, 'apply', '-f', '-', `--validate=${mode}`], spaced)).toMatchObject({
          code: 1,
          stderr: `Error from server (BadRequest): error when creating "STDIN": ${message}\n`,
        });
      }
    });

    test('hostname: for hostnames: is refused, warned about or dropped', async () => {
      const unknown = 'unknown field "spec.hostAliases[0].hostname"';
      const said = {
        strict: `Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: ${unknown}\n`,
        warn: `Warning: ${unknown}\n`,
        ignore: '',
      };
      for (const [mode, stderr] of Object.entries(said)) {
        const args = ['-n', name, 'apply', '-f', '-', `--validate=${mode}`, '--dry-run=server'];
        expect(await attempt(args, selecting)).toMatchObject({ code: mode === 'strict' ? 1 : 0, stderr });
      }
      expect((await post(selecting, 'Warn')).warning).toContain(`299 - ${JSON.stringify(unknown)}`);
    });

    test('corrected: Pending until a node has the label, then the two containers share files and processes', async () => {
      const path = data ?? mkdtempSync(join(tmpdir(), 'peapod-data-'));
      const corrected = selecting.replace('hostname:', 'hostnames:').replace('path: /data', `path: ${path}`);
      expect(await attempt(['-n', name, 'apply', '-f', '-'], corrected)).toMatchObject({
        code: 0,
        stderr: '',
      });
      const why =
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
      expect(await eventOf(name, 'FailedScheduling')).toMatchObject({ type: 'Warning', message: why });
      // The event may be told before the condition is written.
      const waiting = await podWhen(name, 'waits for a node', ({ status }) => status.conditions !== undefined);
      expect(waiting.status).toMatchObject({
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: why }],
      });
      await kubectl(['label', 'node', 'kind-worker', 'disktype=ssd']);
      const pod = await podWhen(name, 'the writer is done', ({ status }) =>
        Boolean(status.containerStatuses?.find((c) => c.name === 'debian-container')?.state.terminated),
      );
      expect(pod.status.containerStatuses?.map((c) => c.state.terminated?.reason ?? Object.keys(c.state)[0])).toEqual([
        'Completed',
        'running',
      ]);
      await eventually('NotReady', async () =>
        /^two-containers\s+1\/2\s+NotReady\s+0\s/m.test(await kubectl(['-n', name, 'get', 'pods'])),
      );
      expect(pod.status.phase).toBe('Running');
      expect(readFileSync(join(path, 'index.html'), 'utf8')).toBe('Hello from the debian container\n');
      expect(await page(pod.status.podIP!)).toBe('Hello from the debian container\n');
      expect(await inside(name, name, 'cat /etc/hosts', 'nginx-container')).toBe(
        `${hostsOf(pod.status.podIP!, name)}\n# Entries added by HostAliases.\n1.1.1.1\tfoo.remote\tbar.remote\n`,
      );
      expect(await inside(name, name, 'cat /proc/1/comm /usr/share/message', 'nginx-container')).toBe(
        'catatonit\nhello\n',
      );
      await kubectl(['-n', name, 'delete', 'pod', name, '--now']);
      if (data === undefined) rmSync(path, { recursive: true, force: true });
    });
  });

  describe('one container', () => {
    test('single-nginx: the image with that tag, its page at the pod IP', async () => {
      const { status } = await ready('single-nginx');
      expect(status.containerStatuses?.[0]).toMatchObject({ image: 'docker.io/library/nginx:1.14.2', restartCount: 0 });
      expect(await page(status.podIP!)).toContain('nginx');
      expect(await inside('single-nginx', 'nginx', 'cat /etc/hosts; hostname')).toBe(
        `${hostsOf(status.podIP!, 'nginx')}nginx\n`,
      );
    });

    test('ports: TCP by default, both in describe, the page on the one that listens', async () => {
      const { spec, status } = await ready('ports');
      expect(spec.containers[0]?.['ports']).toEqual([
        { name: 'http', containerPort: 80, protocol: 'TCP' },
        { name: 'https', containerPort: 443, protocol: 'TCP' },
      ]);
      expect(await kubectl(['-n', 'ports', 'describe', 'pod', 'nginx'])).toMatch(
        /Ports:\s+80\/TCP \(http\), 443\/TCP \(https\)/,
      );
      expect(await page(status.podIP!)).toContain('nginx');
    });

    test('entrypoint: runs in /, is done, and comes back in a loop', async () => {
      const pod = await podWhen('entrypoint', 'CrashLoopBackOff', ({ status }) =>
        Boolean(status.containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff'),
      );
      expect(pod.status.containerStatuses?.[0]?.lastState.terminated).toMatchObject({
        exitCode: 0,
        reason: 'Completed',
      });
      expect(await logs('entrypoint', 'nginx')).toBe('/\n');
    });

    test('env: without the optional sources, then with them', async () => {
      await ready('env');
      const variables = async (): Promise<string[]> =>
        (await inside('env', 'nginx', 'env')).split('\n').filter((line) => /^(KEY|COLOR|HOSTNAME)/.test(line));
      expect((await variables()).sort()).toEqual(['HOSTNAME=nginx', 'KEY=ENV_VALUE']);
      await kubectl([
        '-n',
        'env',
        'create',
        'configmap',
        'config',
        '--from-literal=COLOR=blue',
        '--from-literal=KEY=no',
      ]);
      await kubectl(['-n', 'env', 'create', 'secret', 'generic', 'config', '--from-literal=KEY=s3cret']);
      expect(await instead('env', text('env'))).toMatchObject({ code: 0, stderr: '' });
      await ready('env');
      expect((await variables()).sort()).toEqual([
        'COLOR=blue',
        'HOSTNAME=nginx',
        'KEY=ENV_VALUE',
        'KEY_FROM_SECRET=s3cret',
      ]);
    });

    test('service-account: default, and no token in the container', async () => {
      const { spec } = await ready('service-account');
      expect(spec).toMatchObject({ serviceAccountName: 'default', automountServiceAccountToken: false });
      expect(spec['volumes']).toBeUndefined();
      expect(
        await inside('service-account', 'nginx', 'ls /var/run/secrets /run/secrets 2>/dev/null || echo none'),
      ).toBe('none\n');
    });

    test('resources: Burstable, with the limits in the cgroup inside and out', async () => {
      const { metadata, status } = await ready('resources');
      expect(status.qosClass).toBe('Burstable');
      const value = (v1: string, v2: string): Promise<string> => cgroupFile('resources', 'nginx', v1, v2);
      expect(await value('memory/memory.limit_in_bytes', 'memory.max')).toBe(String(200 * 2 ** 20));
      expect(['100000', '100000 100000']).toContain(await value('cpu/cpu.cfs_quota_us', 'cpu.max'));
      // 500m: 512 shares, or the weight that stands for them.
      expect(['512', '20', '59']).toContain(await value('cpu/cpu.shares', 'cpu.weight'));
      expect(await inside('resources', 'nginx', 'cat /proc/1/oom_score_adj')).toMatch(/^\d+\n$/);
      // Outside: the pod's own cgroup has the sum of its containers.
      const v1 = existsSync('/sys/fs/cgroup/memory');
      const root = v1 ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup';
      const pods = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith(`/kubepods/burstable/pod${metadata.uid}`),
      );
      expect(pods).toHaveLength(1);
      const limit = join(root, pods[0]!, v1 ? 'memory.limit_in_bytes' : 'memory.max');
      expect(readFileSync(limit, 'utf8').trim()).toBe(String(200 * 2 ** 20));
    });

    test('hooks: postStart wrote its message before the container was ready; preStop quits nginx', async () => {
      await ready('hooks');
      expect(await inside('hooks', 'nginx', 'cat /usr/share/message')).toBe('Hello from the postStart handler\n');
      const follow = attempt(['-n', 'hooks', 'logs', 'nginx', '-f']);
      await kubectl(['-n', 'hooks', 'delete', 'pod', 'nginx']);
      expect((await follow).stdout).toContain('gracefully shutting down');
      await eventually('the events of hooks', async () => {
        // The hook's shell goes with nginx, which it waits for: that it failed is told a little later.
        const before = (await reasons('hooks')).filter((reason) => reason !== 'FailedPreStopHook');
        expect(before).toEqual(['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started', 'Killing']);
        return true;
      });
    });

    test('lifecycle-deadline: Failed ten seconds after the start, within the grace period', async () => {
      const { status } = await podWhen('lifecycle-deadline', 'Failed', ({ status: { phase } }) => phase === 'Failed');
      expect(status).toMatchObject({
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      });
      const { exitCode, startedAt, finishedAt } = status.containerStatuses![0]!.state.terminated!;
      expect(exitCode).toBe(0);
      const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
      expect(seconds).toBeGreaterThanOrEqual(5);
      expect(seconds).toBeLessThanOrEqual(30);
      await reasonsAre('lifecycle-deadline', ['DeadlineExceeded', 'Killing']);
    });
  });

  describe('network', () => {
    test('dns-none: resolv.conf holds just those servers', async () => {
      await ready('dns-none');
      expect(await inside('dns-none', 'nginx', 'cat /etc/resolv.conf')).toBe(
        'nameserver 8.8.8.8\nnameserver 8.8.4.4\n',
      );
    });

    test('host-aliases: in /etc/hosts, and they resolve', async () => {
      const { status } = await ready('host-aliases');
      expect(await inside('host-aliases', 'nginx', 'cat /etc/hosts')).toBe(
        `${hostsOf(status.podIP!, 'nginx')}\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\tbar.remote\n`,
      );
      expect(await inside('host-aliases', 'nginx', 'getent hosts bar.remote')).toMatch(/^10\.1\.2\.3\s/);
    });

    test('host-network: the node’s address, name, ports and network; processes are shared', async () => {
      const { status } = await ready('host-network');
      const node = (await api.request('GET', '/api/v1/nodes/kind-worker')).json<{
        status: { addresses: { type: string; address: string }[] };
      }>();
      expect(status.podIP).toBe(node.status.addresses.find(({ type }) => type === 'InternalIP')?.address);
      expect(status.hostIP).toBe(status.podIP);
      const [network, name, first, ...rest] = (
        await inside(
          'host-network',
          'nginx',
          'readlink /proc/self/ns/net; hostname; cat /proc/1/comm; cat /proc/*/comm',
        )
      ).split('\n');
      expect([network, name, first]).toEqual([readlinkSync('/proc/self/ns/net'), hostname(), 'catatonit']);
      expect(rest).toContain('nginx');
      expect(await inside('host-network', 'nginx', 'cat /etc/hosts')).toBe(
        `# Kubernetes-managed hosts file (host network).\n${readFileSync('/etc/hosts', 'utf8')}`,
      );
      expect(await page(status.podIP!)).toContain('nginx');
    });
  });

  describe('volumes', () => {
    test('empty-dir: outlives its container, not its pod', async () => {
      const { metadata } = await ready('empty-dir');
      const outside = volumeFolder(metadata.uid, 'empty-dir', 'data');
      await inside('empty-dir', 'nginx', 'echo kept > /data/file; kill 1');
      await podWhen(
        'empty-dir',
        'restarted',
        (pod) => pod.status.containerStatuses?.[0]?.restartCount === 1 && isReady(pod),
      );
      expect(await inside('empty-dir', 'nginx', 'cat /data/file')).toBe('kept\n');
      expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('kept\n');
      await kubectl(['-n', 'empty-dir', 'delete', 'pod', 'nginx', '--now']);
      await eventually('the volume is gone', () => !existsSync(outside));
    });

    const missing = async (namespace: string, volume: string, why: string): Promise<void> => {
      expect(await eventOf(namespace, 'FailedMount')).toMatchObject({
        type: 'Warning',
        message: `MountVolume.SetUp failed for volume "${volume}" : ${why}`,
      });
      expect((await podOf(namespace)).status).toMatchObject({
        phase: 'Pending',
        containerStatuses: expect.arrayContaining([
          expect.objectContaining({ state: { waiting: { reason: 'ContainerCreating' } } }),
        ]),
      });
    };
    const conf = (namespace: string, value: string): Promise<unknown> =>
      api.request('PUT', `/api/v1/namespaces/${namespace}/configmaps/conf`, {
        body: { metadata: { name: 'conf' }, data: { conf: value, 'nginx.conf': value } },
      });

    test('config-reloader: waits for its config map, then reloads when that changes', async () => {
      const name = 'config-reloader';
      await missing(name, 'conf', 'configmap "conf" not found');
      await kubectl(['-n', name, 'create', 'configmap', 'conf', '--from-literal=conf=one']);
      await ready(name);
      expect(await inside(name, 'nginx', 'cat /opt/nginx/conf/conf', 'nginx')).toBe('one');
      expect(await logs(name, 'nginx', '-c', 'reloader')).toBe('watching /opt/nginx/conf\n');
      await conf(name, 'two');
      await eventually('the reload', async () =>
        (await logs(name, 'nginx', '-c', 'reloader')).endsWith('configuration changed: reloaded\n'),
      );
      expect(await inside(name, 'nginx', 'cat /opt/nginx/conf/nginx.conf', 'reloader')).toBe('two');
      await kubectl(['-n', name, 'delete', 'pod', 'nginx', '--now']);
    });

    test('volume-mounts-subpath: one file of the config map, read-only, as it was at the start', async () => {
      const name = 'volume-mounts-subpath';
      await missing(name, 'conf', 'configmap "conf" not found');
      await kubectl(['-n', name, 'create', 'configmap', 'conf', '--from-literal=conf=one']);
      const { metadata } = await ready(name);
      const look = 'test -f /opt/nginx/conf && cat /opt/nginx/conf; echo more >> /opt/nginx/conf';
      const result = await attempt(['-n', name, 'exec', 'nginx', '--', 'sh', '-c', look]);
      expect(result).toMatchObject({ code: 2, stdout: 'one' });
      expect(result.stderr).toContain('Read-only file system');
      await conf(name, 'two');
      const outside = join(volumeFolder(metadata.uid, 'configmap', 'conf'), 'conf');
      await eventually('the volume is up to date', () => readFileSync(outside, 'utf8') === 'two');
      expect(await inside(name, 'nginx', 'cat /opt/nginx/conf')).toBe('one');
    });

    test('projected-secrets: both secrets in one read-only folder', async () => {
      const name = 'projected-secrets';
      await missing(name, 'all-in-one', '[secret "user" not found, secret "pass" not found]');
      await kubectl(['-n', name, 'create', 'secret', 'generic', 'user', '--from-literal=username=admin']);
      await kubectl(['-n', name, 'create', 'secret', 'generic', 'pass', '--from-literal=password=s3cret']);
      await ready(name);
      const pod = 'test-projected-volume';
      expect(await inside(name, pod, 'cd /projected-volume; ls; cat username; echo; cat password')).toBe(
        'password\nusername\nadmin\ns3cret',
      );
      const write = await attempt(['-n', name, 'exec', pod, '--', 'touch', '/projected-volume/x']);
      expect(write.stderr).toContain('Read-only file system');
    });

    test('javaweb-init: the init container hands the archive over; served on the host port', async () => {
      const { status } = await ready('javaweb-init');
      expect(status.initContainerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(await inside('javaweb-init', 'javaweb-2', 'ls /root/apache-tomcat-7.0.42-v2/webapps')).toContain(
        'sample.war',
      );
      const read = (): Promise<string> => page(status.hostIP!, 8001, '/sample/');
      expect(await eventually('the page of the archive', read)).toContain('sample.war');
      expect(await page(status.podIP!, 8080, '/sample/')).toContain('sample.war');
    });
  });

  describe('security', () => {
    const crashed = async (namespace: string): Promise<void> => {
      const { status } = await podWhen(namespace, 'CrashLoopBackOff', (pod) =>
        Boolean(pod.status.containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff'),
      );
      expect(status.phase).toBe('Running');
      expect(status.containerStatuses?.[0]?.lastState.terminated).toMatchObject({ exitCode: 1, reason: 'Error' });
    };

    test('container-security-context: stock nginx fails on a read-only root; with room to write it runs, privileged', async () => {
      const name = 'container-security-context';
      await crashed(name);
      expect(await logs(name, 'nginx')).toMatch(
        /\[emerg\] .* mkdir\(\) "\/var\/cache\/nginx\/client_temp" failed \(30: Read-only file system\)\n$/,
      );
      await instead(name, changed(name, scratch('/var/cache/nginx', '/run'), scratchVolumes(2)));
      await ready(name);
      const [root, capabilities] = (
        await inside(name, 'nginx', 'touch /x 2>&1; grep CapEff /proc/1/status; test -e /dev/kmsg')
      ).split('\n');
      expect(root).toContain('Read-only file system');
      const own = /CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
      expect(capabilities?.replace(/\s+/, ' ')).toBe(`CapEff: ${own}`);
    });

    test('pod-security-context: stock nginx fails as user 1000; the ids are as asked', async () => {
      const name = 'pod-security-context';
      await crashed(name);
      expect(await logs(name, 'nginx')).toMatch(
        /the "user" directive makes sense only if the master process runs with super-user privileges[^]*\[emerg\] .* mkdir\(\) "\/var\/cache\/nginx\/client_temp" failed \(13: Permission denied\)\n$/,
      );
      await instead(
        name,
        changed(
          name,
          { command: ['sleep', '600'], ...scratch('/data') },
          { ...scratchVolumes(1), terminationGracePeriodSeconds: 1 },
        ),
      );
      await ready(name);
      expect(await inside(name, 'nginx', 'id -u; id -g; id -G; touch /data/x; stat -c "%u %g" /data/x')).toBe(
        '1000\n3000\n3000 2000\n1000 2000\n',
      );
    });
  });

  describe('placement', () => {
    test.each(['node-affinity', 'node-name', 'node-selector'])('%s: on the node of that name', async (name) => {
      const { spec } = await ready(name);
      expect(spec.nodeName).toBe('kind-worker');
      // A pod with a node needs no scheduler.
      expect((await reasons(name)).includes('Scheduled')).toBe(name !== 'node-name');
    });
  });

  describe('probes', () => {
    test('probes: the startup probe of a stock nginx fails, so it is never ready and is restarted', async () => {
      const { status } = await podWhen('probes', 'restarted', (pod) =>
        Boolean((pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0),
      );
      expect(status.phase).toBe('Running');
      expect(status.containerStatuses?.[0]).toMatchObject({ ready: false });
      expect(await eventOf('probes', 'Unhealthy')).toMatchObject({
        type: 'Warning',
        message: expect.stringMatching(/^Startup probe failed: cat: \/tmp\/healthy: No such file or directory/),
      });
      expect((await eventOf('probes', 'Killing')).message).toBe(
        'Container nginx failed startup probe, will be restarted',
      );
    });

    test('probes: where the file is there and port 8080 answers, it is ready and stays', async () => {
      const server =
        'server { listen 8080; location = /healthz { if ($http_custom_header = Awesome) { return 200; } return 400; } }';
      const script = `touch /tmp/healthy; echo '${server}' > /etc/nginx/conf.d/healthz.conf; exec nginx -g "daemon off;"`;
      await instead('probes', changed('probes', { command: ['sh', '-c', script] }));
      const { metadata } = await ready('probes');
      // The server tells of the third answer to a liveness probe: with the header, or they would have failed.
      await eventually(
        'three liveness probes',
        async () =>
          ((await logs('probes', 'nginx')).match(/"GET \/healthz HTTP\/1\.1" 200 .*kube-probe\/1\.36/g)?.length ?? 0) >=
          3,
      );
      const { status, metadata: after } = await podOf('probes');
      expect(after.uid).toBe(metadata.uid);
      expect(status.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
    });

    test('liveness-exec: fails once its file is gone, and the container is restarted', async () => {
      const name = 'liveness-exec';
      expect((await eventually('Unhealthy', () => eventOf(name, 'Unhealthy'), 60_000)).message).toMatch(
        /^Liveness probe failed: cat: can't open '\/tmp\/healthy': No such file or directory/,
      );
      expect((await eventually('Killing', () => eventOf(name, 'Killing'), 60_000)).message).toBe(
        'Container liveness failed liveness probe, will be restarted',
      );
      // A shell as first process does not end on TERM: it is killed when the 30 seconds are over.
      const { status } = await podWhen(
        name,
        'restarted',
        (pod) => pod.status.containerStatuses?.[0]?.restartCount === 1 && isReady(pod),
        90_000,
      );
      expect(status.containerStatuses?.[0]?.lastState.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    });
  });

  describe('init-and-pull-secret', () => {
    const name = 'init-and-pull-secret';
    let registry: Registry | undefined;
    afterAll(() => registry?.close());

    test('without the secret an event says so, and a public image runs all the same', async () => {
      const { status } = await ready(name);
      expect(status.initContainerStatuses?.[0]?.state.terminated?.reason).toBe('Completed');
      expect(await logs(name, 'nginx', '-c', 'init')).toBe('hello\n');
      expect(await eventOf(name, 'FailedToRetrieveImagePullSecret')).toMatchObject({
        type: 'Warning',
        message:
          'Unable to retrieve some image pull secrets (registry-cred); attempting to pull the image may not succeed.',
      });
      expect((await reasons(name)).slice(0, 2)).toEqual(['Scheduled', 'FailedToRetrieveImagePullSecret']);
    });

    test('with it, an image comes from a registry that asks for a password', async () => {
      registry = await startRegistry(join(repository, 'fixtures/images'), { user: 'me', password: 'pa:ss' });
      const host = new URL(registry.url).host;
      const image = `${host}/library/nginx:latest`;
      await instead(name, changed(name, { image }));
      const state = await podWhen(name, 'ImagePullBackOff', ({ status }) =>
        ['ErrImagePull', 'ImagePullBackOff'].includes(status.containerStatuses?.[0]?.state.waiting?.reason ?? ''),
      );
      expect(state.status.containerStatuses?.[0]?.state.waiting?.message).toMatch(
        /401 Unauthorized|authorization failed/,
      );
      const credentials = [`--docker-server=${host}`, '--docker-username=me', '--docker-password=pa:ss'];
      await kubectl(['-n', name, 'create', 'secret', 'docker-registry', 'registry-cred', ...credentials]);
      await instead(name, changed(name, { image }));
      const { status } = await ready(name);
      expect(status.containerStatuses?.[0]?.image).toBe(image);
    });
  });

  test('every file was tried', () => {
    expect([...applied.keys()].sort()).toEqual([...all].sort());
    expect(all).toHaveLength(26);
  });
});

describe('where the node kind-worker is missing', () => {
  let other: Peapod;
  beforeAll(async () => {
    other = await startPeapod({ runtime: 'simulated', args: ['--node-name', 'here'] });
  });
  afterAll(() => other?.dispose());

  test.each(['node-affinity', 'node-selector'])('%s stays Pending, and says why', async (name) => {
    await other.kubectl(['create', 'namespace', name]);
    await other.kubectl(['-n', name, 'apply', '-f', join(folder, `${name}.yaml`)]);
    const why =
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    const described = await eventually('FailedScheduling', async () => {
      const output = await other.kubectl(['-n', name, 'describe', 'pod', 'nginx']);
      return output.includes('FailedScheduling') ? output : undefined;
    });
    expect(described).toMatch(/\nNode: +<none>\n/);
    expect(described).toMatch(/\nStatus: +Pending\n/);
    expect(described.trimEnd().split('\n').at(-1)?.split(/ {2,}/).slice(1)).toEqual([
      'Warning',
      'FailedScheduling',
      expect.stringMatching(/^\d+s$/),
      'default-scheduler',
      why,
    ]);
  });

  test('node-name stays Pending on the node that is not there, without a word', async () => {
    await other.kubectl(['create', 'namespace', 'node-name']);
    await other.kubectl(['-n', 'node-name', 'apply', '-f', join(folder, 'node-name.yaml')]);
    const described = await other.kubectl(['-n', 'node-name', 'describe', 'pod', 'nginx']);
    expect(described).toMatch(/\nNode: +kind-worker\/\n/);
    expect(described).toMatch(/\nStatus: +Pending\n/);
    expect(described).toMatch(/\nEvents: +<none>\n$/);
  });
});
