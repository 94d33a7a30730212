// The rest of examples/: all of them run side by side in one cluster; the tests look at each from inside and outside its containers.
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const folder = join(repository, 'examples');
const hostFolder = '/tmp/peapod-example-page';

interface State {
  running?: object;
  waiting?: { reason: string; message?: string };
  terminated?: { exitCode: number; reason: string };
}
interface Pod {
  metadata: { uid: string };
  spec: { nodeName?: string };
  status: {
    phase: string;
    podIP?: string;
    hostIP?: string;
    qosClass: string;
    conditions?: { type: string; status: string; reason?: string }[];
    containerStatuses?: { name: string; image: string; ready: boolean; restartCount: number; state: State }[];
  };
}

let peapod: Peapod;
let registry: Registry;
const kubectl = (args: string[], input?: string): Promise<string> =>
  peapod.kubectl(args, input === undefined ? {} : { input });

/** An example as it is, or with placeholders replaced. */
const text = (name: string): string =>
  readFileSync(join(folder, `${name}.yaml`), 'utf8')
    .replace('nodeName: NODE', 'nodeName: worker')
    .replaceAll('REGISTRY', new URL(registry.url).host);
const podOf = async (name: string): Promise<Pod> =>
  JSON.parse(await kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;
const inside = (pod: string, command: string, container?: string): Promise<string> =>
  kubectl(['exec', pod, ...(container === undefined ? [] : ['-c', container]), '--', 'sh', '-c', command]);
const logs = (pod: string, ...args: string[]): Promise<string> => kubectl(['logs', pod, ...args]);
const podWhen = (name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> =>
  eventually(
    `${name}: ${what}`,
    async () => {
      const pod = await podOf(name);
      if (holds(pod)) return pod;
      throw new Error(JSON.stringify(pod.status));
    },
    60_000,
  );
const ready = (name: string): Promise<Pod> =>
  podWhen(name, 'is ready', ({ status }) =>
    Boolean(status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')),
  );
async function eventsOf(name: string): Promise<{ reason: string; message: string }[]> {
  const selector = `involvedObject.name=${name}`;
  const list = await kubectl(['get', 'events', '--field-selector', selector, '-o', 'json']);
  return (JSON.parse(list) as { items: { reason: string; message: string }[] }).items;
}
const reasons = async (name: string): Promise<string[]> => (await eventsOf(name)).map(({ reason }) => reason);

function page(host: string, port = 80): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, port, timeout: 5_000 }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(body));
    })
      .on('error', reject)
      .end();
  });
}

/** Here and not in examples.test.ts. */
const examples = [
  'config-reloader',
  'dns-none',
  'file-puller',
  'grpc-probe',
  'host-network',
  'nginx-hooks',
  'no-token',
  'node-affinity',
  'node-selector',
  'optional-secret',
  'pinned',
  'private-image',
  'privileged',
  'projected-all',
  'projected-secrets',
  'read-only-root',
  'resources',
  'security-context',
  'sidecar-page-host-path',
];

test('every example has a test', () => {
  const tested = ['admission.test.ts', 'examples.test.ts', 'probes.test.ts'].map((name) =>
    readFileSync(join(import.meta.dirname, name), 'utf8'),
  );
  const untested = readdirSync(folder)
    .map((file) => file.replace('.yaml', ''))
    .filter((name) => !examples.includes(name) && !tested.some((source) => source.includes(`${name}.yaml`)));
  expect(untested).toEqual([]);
});

describe.skipIf(noContainers)(`worked examples${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    registry = await startRegistry(join(repository, 'fixtures/images'), { user: 'peas', password: 'in-a-pod' });
    peapod = await startPeapod({ args: ['--node-name', 'worker'] });
    for (const name of examples) await kubectl(['apply', '-f', '-'], text(name));
  });
  afterAll(async () => {
    await peapod?.dispose();
    await registry?.close();
    rmSync(hostFolder, { recursive: true, force: true });
  });

  test('file-puller: the page is what the other container wrote last', async () => {
    const { status } = await ready('file-puller');
    const first = await eventually(
      'a page',
      async () => /^content number (\d+)\n$/.exec(await page(status.podIP!))?.[1],
    );
    await eventually('a newer page', async () => (await page(status.podIP!)) !== `content number ${first}\n`);
    expect(
      await kubectl([
        'exec',
        'file-puller',
        '-c',
        'web',
        '--',
        'sh',
        '-c',
        'touch /usr/share/nginx/html/x 2>&1 || true',
      ]),
    ).toContain('Read-only file system');
  });

  test('sidecar-page-host-path: Pending until a node has the label; then as sidecar-page, through the host', async () => {
    const name = 'sidecar-page-host-path';
    await podWhen(name, 'cannot be placed', ({ status }) =>
      Boolean(status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable')),
    );
    expect((await eventsOf(name)).find(({ reason }) => reason === 'FailedScheduling')?.message).toContain(
      "1 node(s) didn't match Pod's node affinity/selector",
    );
    await kubectl(['label', 'node', 'worker', 'disktype=ssd']);
    const { status } = await podWhen(name, 'the writer is done', (pod) =>
      Boolean(pod.status.containerStatuses?.some((c) => c.name === 'debian' && c.state.terminated)),
    );
    expect(await eventually('the page', () => page(status.podIP!))).toBe('Hello from the debian container\n');
    expect(readFileSync(join(hostFolder, 'index.html'), 'utf8')).toBe('Hello from the debian container\n');
    await eventually('NotReady', async () =>
      /^\S+\s+1\/2\s+NotReady\s+0\s/m.test(await kubectl(['get', 'pod', name, '--no-headers'])),
    );
    expect((await podOf(name)).status.phase).toBe('Running');
    expect(await inside(name, 'cat /usr/share/message; cat /proc/1/comm; tail -n1 /etc/hosts', 'nginx')).toBe(
      'hello\ncatatonit\n1.1.1.1\tfoo.remote\tbar.remote\n',
    );
    const follow = logs(name, '-c', 'nginx', '-f');
    await kubectl(['delete', 'pod', name]);
    expect(await follow).toContain('gracefully shutting down');
  });

  test('config-reloader: a changed map reaches the folder, not the file mounted by subPath', async () => {
    const name = 'config-reloader';
    const { status } = await ready(name);
    expect(await inside(name, 'cat /opt/nginx/conf/greeting', 'nginx')).toBe('first');
    const before = await inside(name, 'cat /etc/nginx/conf.d/default.conf', 'nginx');
    expect(before).toContain('root /opt/nginx/conf');
    await eventually('the reloader watches', async () => (await logs(name, '-c', 'reloader')).includes('watching'));
    const patch = JSON.stringify({ data: { greeting: 'second', 'default.conf': 'broken' } });
    await kubectl(['patch', 'configmap', 'site', '--type=merge', '-p', patch]);
    await eventually('the reloader tells', async () => (await logs(name, '-c', 'reloader')).includes('reloaded'));
    expect(await inside(name, 'cat /opt/nginx/conf/greeting', 'nginx')).toBe('second');
    expect(await inside(name, 'cat /etc/nginx/conf.d/default.conf', 'nginx')).toBe(before);
    expect(await page(status.podIP!)).not.toBe('');
  });

  test('projected-secrets: both in one folder', async () => {
    await ready('projected-secrets');
    expect(await inside('projected-secrets', 'cd /projected-volume; ls; cat password; echo; cat username')).toBe(
      'password\nusername\n1f2d1e2e67df\nadmin',
    );
  });

  test('projected-all: every source at its path, with its mode', async () => {
    const name = 'projected-all';
    await ready(name);
    const look =
      'cd /projected-volume; cat my-group/my-username; echo; cat my-group/my-config; echo; cat labels; echo; cat cpu_limit';
    expect(await inside(name, look)).toBe('admin\nlevel: debug\napp="projected"\n500');
    expect(
      await inside(name, 'cd /projected-volume; stat -L -c %a my-group/my-username my-group/my-config vault-token'),
    ).toBe('400\n440\n440\n');
    const [, claims = ''] = (await inside(name, 'cat /projected-volume/vault-token')).split('.');
    const {
      aud,
      exp,
      iat,
      'kubernetes.io': bound,
    } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      aud: string[];
      exp: number;
      iat: number;
      'kubernetes.io': { pod: { name: string; uid: string } };
    };
    expect(aud).toEqual(['vault']);
    expect(exp - iat).toBe(7200);
    expect(bound.pod).toEqual({ name, uid: (await podOf(name)).metadata.uid });
  });

  test('grpc-probe: ready by the answer SERVING, not ready while there is none', async () => {
    const name = 'grpc-probe';
    await ready(name);
    const signal = (what: string): Promise<string> => inside(name, `pkill -${what} -f 'nginx: [w]orker'`);
    await signal('STOP');
    await kubectl(['wait', '--for=condition=Ready=false', `pod/${name}`, '--timeout=30s']);
    expect((await eventsOf(name)).find(({ reason }) => reason === 'Unhealthy')?.message).toMatch(
      /^Readiness probe failed: timeout: /,
    );
    await signal('CONT');
    expect((await ready(name)).status.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  test('pinned, node-selector, node-affinity: where they are sent, and not before', async () => {
    const { spec } = await ready('pinned');
    expect(spec.nodeName).toBe('worker');
    expect(await reasons('pinned')).not.toContain('Scheduled');
    for (const name of ['node-selector', 'node-affinity']) {
      const { status } = await podOf(name);
      expect(status.conditions?.[0]).toMatchObject({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' });
    }
    await kubectl(['label', 'node', 'worker', 'zone=west']);
    for (const name of ['node-selector', 'node-affinity']) {
      await ready(name);
      expect(await reasons(name)).toContain('Scheduled');
    }
  });

  test('dns-none: resolv.conf is what the pod says', async () => {
    await ready('dns-none');
    expect(await inside('dns-none', 'cat /etc/resolv.conf')).toBe(
      'search example.internal\nnameserver 8.8.8.8\nnameserver 8.8.4.4\noptions ndots:2\n',
    );
  });

  test("host-network: the node's network and address; processes are shared", async () => {
    const name = 'host-network';
    const { status } = await ready(name);
    expect(status.podIP).toBe(status.hostIP);
    expect(await inside(name, 'readlink /proc/self/ns/net', 'shell')).toBe(`${readlinkSync('/proc/self/ns/net')}\n`);
    const processes = await inside(name, 'cat /proc/1/comm; cat /proc/[0-9]*/comm | grep -c sleep', 'shell');
    expect(processes).toBe('catatonit\n2\n');
  });

  test('no-token: nothing is mounted, others have it', async () => {
    await ready('no-token');
    const look = 'ls /var/run/secrets/kubernetes.io/serviceaccount 2>/dev/null || echo none';
    expect(await inside('no-token', look)).toBe('none\n');
    expect(await inside('dns-none', look)).toBe('ca.crt\nnamespace\ntoken\n');
  });

  test('security-context: the ids of processes and files', async () => {
    await ready('security-context');
    expect(await inside('security-context', 'id -u; id -g; id -G; stat -c "%u %g" /data/file; ls -ld /data')).toMatch(
      /^1000\n3000\n3000 2000\n1000 2000\ndrwxrwsrwx\s+\d+ root\s+2000\s/,
    );
  });

  test('optional-secret: variables only once the secret is there', async () => {
    const name = 'optional-secret';
    const variables = async (): Promise<string> =>
      inside(name, 'env | grep -E "^(SETTING_|FAVOURITE|SENTENCE)" | sort');
    await ready(name);
    expect(await variables()).toBe('SENTENCE=It is $(FAVOURITE)\n');
    await kubectl(['create', 'secret', 'generic', 'settings', '--from-literal=COLOR=blue']);
    await kubectl(['replace', '--force', '-f', join(folder, `${name}.yaml`)]);
    await ready(name);
    expect(await variables()).toBe('FAVOURITE=blue\nSENTENCE=It is blue\nSETTING_COLOR=blue\n');
  });

  test('resources: the cgroup has the limits, and the pod its class', async () => {
    const { status } = await ready('resources');
    expect(status.qosClass).toBe('Burstable');
    const limits = await inside(
      'resources',
      'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us 2>/dev/null || cat memory.max cpu.max',
    );
    expect(limits).toMatch(/^209715200\n100000( 100000)?\n$/);
    expect(await kubectl(['describe', 'pod', 'resources'])).toMatch(
      /Limits:\s+cpu:\s+1\s+memory:\s+200Mi\s+Requests:\s+cpu:\s+500m\s+memory:\s+100Mi/,
    );
  });

  test('nginx-hooks: the message is there when it is ready, and nginx ends by itself', async () => {
    const name = 'nginx-hooks';
    await ready(name);
    expect(await inside(name, 'cat /usr/share/message')).toBe('Hello from the postStart handler\n');
    const follow = logs(name, '-f');
    const started = performance.now();
    await kubectl(['delete', 'pod', name]);
    expect(await follow).toContain('gracefully shutting down');
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test('read-only-root: nginx runs; only the volumes can be written', async () => {
    const { status } = await ready('read-only-root');
    expect(await page(status.podIP!)).toContain('nginx');
    expect(await inside('read-only-root', 'touch /etc/x 2>&1; df -k /run | tail -n1')).toMatch(
      /Read-only file system\n\S+\s+1024\s/,
    );
  });

  test('privileged: every capability that the node has, and its devices', async () => {
    await ready('privileged');
    const own = /CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    expect(await inside('privileged', 'grep CapEff /proc/1/status; test -e /dev/kmsg && echo kmsg')).toBe(
      `CapEff:\t${own}\nkmsg\n`,
    );
    expect(await inside('no-token', 'grep CapEff /proc/1/status; test -e /dev/kmsg || echo none')).not.toContain(own);
  });

  test('private-image: not without the password, and with it', async () => {
    const name = 'private-image';
    await podWhen(name, 'waits for its image', ({ status }) =>
      /^(ErrImagePull|ImagePullBackOff)$/.test(status.containerStatuses?.[0]?.state.waiting?.reason ?? ''),
    );
    expect(
      (await eventsOf(name)).find(({ reason }) => reason === 'FailedToRetrieveImagePullSecret')?.message,
    ).toContain('registry-cred');
    const server = `--docker-server=${new URL(registry.url).host}`;
    await kubectl([
      'create',
      'secret',
      'docker-registry',
      'registry-cred',
      server,
      '--docker-username=peas',
      '--docker-password=in-a-pod',
    ]);
    await kubectl(['replace', '--force', '-f', '-'], text(name));
    const { status } = await ready(name);
    expect(status.containerStatuses?.[0]?.image).toBe(`${new URL(registry.url).host}/library/busybox:1.28`);
  });
});
