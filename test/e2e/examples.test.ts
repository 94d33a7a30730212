// Every example of this version, applied on real containers and checked from inside and outside.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
const example = (name: string): string => join(repository, 'examples', name);
const field = (pod: string, path: string): Promise<string> =>
  peapod.kubectl(['get', 'pod', pod, '-o', `jsonpath={${path}}`]);

/** The STATUS column of `kubectl get pods`. */
async function shownStatus(pod: string): Promise<string> {
  const [, row = ''] = (await peapod.kubectl(['get', 'pod', pod])).split('\n');
  return row.split(/\s+/)[2] ?? '';
}

async function shownRow(pod: string): Promise<string> {
  const [, row = ''] = (await peapod.kubectl(['get', 'pod', pod])).split('\n');
  return row;
}

/** Reasons of the pod's events in the order in which they first happened. */
async function eventReasons(pod: string): Promise<string[]> {
  const text = await peapod.kubectl(['describe', 'pod', pod]);
  return [...text.slice(text.indexOf('Events:')).matchAll(/^ {2}(?:Normal|Warning)\s+(\w+)/gm)].map(
    (match) => match[1] ?? '',
  );
}

function fetchPage(host: string, port = 80, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, timeout: 5_000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe.skipIf(noContainers)(`examples${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod();
  });
  afterAll(async () => peapod?.dispose());

  test('nginx: served at the pod IP, from the host and from another pod', async () => {
    await peapod.kubectl(['apply', '-f', example('nginx.yaml')]);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/nginx', '--timeout=60s']);
    const ip = await field('nginx', '.status.podIP');
    expect(await eventually('the page', () => fetchPage(ip))).toContain('nginx');
    // Read from the log: kubectl run -i shows only what is printed after it has attached.
    const visit = ['wget', '-q', '-O-', `http://${ip}/`];
    await peapod.kubectl(['run', 'visitor', '--image=busybox:1.28', '--restart=Never', '--', ...visit]);
    await eventually('the visitor is done', async () => (await field('visitor', '.status.phase')) === 'Succeeded');
    expect(await peapod.kubectl(['logs', 'visitor'])).toContain('nginx');
    await peapod.kubectl(['delete', 'pod', 'visitor', '--now']);
    await eventually('the events of its start', async () => (await eventReasons('nginx')).length >= 4);
    expect(await eventReasons('nginx')).toEqual(['Scheduled', 'Pulled', 'Created', 'Started']);
    expect(await peapod.kubectl(['exec', 'nginx', '--', 'hostname'])).toBe('nginx\n');
    await peapod.kubectl(['delete', 'pod', 'nginx']);
  });

  test("sidecar-page: nginx serves the sidecar's text; the pod stays Running, 1/2, NotReady; --wait is done with it", async () => {
    await peapod.kubectl(['apply', '-f', example('sidecar-page.yaml')]);
    await eventually(
      'the sidecar is done',
      async () =>
        (await field('sidecar-page', '.status.containerStatuses[?(@.name=="debian")].state.terminated.reason')) ===
        'Completed',
    );
    const ip = await field('sidecar-page', '.status.podIP');
    expect(await eventually('the page', () => fetchPage(ip))).toBe('Hello from the debian container\n');
    await eventually('NotReady is shown', async () =>
      /^sidecar-page\s+1\/2\s+NotReady\s+0\s/.test(await shownRow('sidecar-page')),
    );
    expect(await field('sidecar-page', '.status.phase')).toBe('Running');
    await peapod.kubectl(['delete', 'pod', 'sidecar-page', '--now']);
  });

  test('init-war: the init container copies the archive; the server has it on host port 8001', async () => {
    await peapod.kubectl(['apply', '-f', example('init-war.yaml')]);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/javaweb', '--timeout=60s']);
    expect(await field('javaweb', '.status.initContainerStatuses[0].state.terminated.reason')).toBe('Completed');
    expect(await peapod.kubectl(['exec', 'javaweb', '--', 'ls', '/root/apache-tomcat-7.0.42-v2/webapps'])).toContain(
      'sample.war',
    );
    const hostIp = await field('javaweb', '.status.hostIP');
    expect(await eventually('the archive through the host port', () => fetchPage(hostIp, 8001, '/sample/'))).not.toBe(
      '',
    );
    await peapod.kubectl(['delete', 'pod', 'javaweb', '--now']);
  });

  test('deadline: Failed with DeadlineExceeded after ten seconds', async () => {
    await peapod.kubectl(['apply', '-f', example('deadline.yaml')]);
    await eventually('it has failed', async () => (await field('deadline', '.status.phase')) === 'Failed', 40_000);
    expect(await field('deadline', '.status.reason')).toBe('DeadlineExceeded');
    expect(await field('deadline', '.status.message')).toBe(
      'Pod was active on the node longer than the specified deadline',
    );
    expect(await shownStatus('deadline')).toMatch(/^(DeadlineExceeded|Error)$/);
    await peapod.kubectl(['delete', 'pod', 'deadline', '--now']);
  });

  test('crash-loop: the first restart comes at once, the second after ten seconds', async () => {
    await peapod.kubectl(['apply', '-f', example('crash-loop.yaml')]);
    await eventually('CrashLoopBackOff is shown', async () => (await shownStatus('crash-loop')) === 'CrashLoopBackOff');
    expect(await field('crash-loop', '.status.containerStatuses[0].restartCount')).toBe('1');
    expect(await field('crash-loop', '.status.containerStatuses[0].state.waiting.message')).toMatch(
      /^back-off 10s restarting failed container=failing pod=crash-loop_default\(/,
    );
    await eventually(
      'the second restart',
      async () => (await field('crash-loop', '.status.containerStatuses[0].restartCount')) === '2',
      30_000,
    );
    const pod = JSON.parse(await peapod.kubectl(['get', 'pod', 'crash-loop', '-o', 'json'])) as {
      status: {
        containerStatuses: {
          lastState: { terminated: { exitCode: number; reason: string; finishedAt: string; startedAt: string } };
        }[];
      };
    };
    expect(pod.status.containerStatuses[0]?.lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await peapod.kubectl(['logs', 'crash-loop', '--previous'])).toBe('about to fail\n');
    expect(await peapod.kubectl(['describe', 'pod', 'crash-loop'])).toMatch(
      /Warning\s+BackOff\s.*Back-off restarting failed container failing in pod crash-loop_default\(/,
    );
    await peapod.kubectl(['delete', 'pod', 'crash-loop', '--now']);
  });

  test('config-volume: read as a file and as a variable', async () => {
    await peapod.kubectl(['apply', '-f', example('config-volume.yaml')]);
    await eventually('it is done', async () => (await field('config-volume', '.status.phase')) === 'Succeeded');
    expect(await shownStatus('config-volume')).toBe('Completed');
    expect(await peapod.kubectl(['logs', 'config-volume'])).toBe('hello\nhello\n');
    await peapod.kubectl(['delete', '-f', example('config-volume.yaml')]);
  });

  describe('what kubectl get pods shows', () => {
    const apply = (name: string, spec: Record<string, unknown>): Promise<string> =>
      peapod.kubectl(['apply', '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }),
      });
    const shell = (name: string, script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
      name,
      image: 'busybox:1.28',
      command: ['sh', '-c', script],
      ...more,
    });

    test('ImagePullBackOff, and the reason in the events', async () => {
      await apply('no-image', { containers: [{ name: 'c', image: 'localhost:1/nothing:1' }] });
      await eventually(
        'ErrImagePull or ImagePullBackOff',
        async () => (await shownStatus('no-image')) === 'ImagePullBackOff',
        60_000,
      );
      expect(await eventReasons('no-image')).toEqual(
        expect.arrayContaining(['Scheduled', 'Pulling', 'Failed', 'BackOff']),
      );
      await peapod.kubectl(['delete', 'pod', 'no-image', '--now']);
    });

    test('ErrImageNeverPull', async () => {
      await apply('never', { containers: [{ name: 'c', image: 'absent:1', imagePullPolicy: 'Never' }] });
      await eventually('ErrImageNeverPull', async () => (await shownStatus('never')) === 'ErrImageNeverPull');
      expect(await field('never', '.status.containerStatuses[0].state.waiting.message')).toBe(
        'Container image "absent:1" is not present with pull policy of Never',
      );
      await peapod.kubectl(['delete', 'pod', 'never', '--now']);
    });

    test('Init:0/1, then PodInitializing or Running; Init:Error and Init:CrashLoopBackOff', async () => {
      await apply('init', { initContainers: [shell('i', 'sleep 3')], containers: [shell('c', 'sleep 600')] });
      await eventually('Init:0/1', async () => (await shownStatus('init')) === 'Init:0/1');
      await eventually('Running', async () => (await shownStatus('init')) === 'Running');
      await apply('init-fails', { initContainers: [shell('i', 'exit 1')], containers: [shell('c', 'sleep 600')] });
      await eventually(
        'Init:CrashLoopBackOff',
        async () => (await shownStatus('init-fails')) === 'Init:CrashLoopBackOff',
        60_000,
      );
      await apply('init-fails-for-good', {
        restartPolicy: 'Never',
        initContainers: [shell('i', 'exit 1')],
        containers: [shell('c', 'sleep 600')],
      });
      await eventually('Init:Error', async () => (await shownStatus('init-fails-for-good')) === 'Init:Error');
      expect(await field('init-fails-for-good', '.status.phase')).toBe('Failed');
      await peapod.kubectl(['delete', 'pod', 'init', 'init-fails', 'init-fails-for-good', '--now']);
    });

    test('Error, Completed and Terminating', async () => {
      await apply('fails', { restartPolicy: 'Never', containers: [shell('c', 'exit 4')] });
      await eventually('Error', async () => (await shownStatus('fails')) === 'Error');
      await apply('stubborn', {
        terminationGracePeriodSeconds: 5,
        containers: [shell('c', 'trap "" TERM; while true; do sleep 1; done')],
      });
      await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/stubborn', '--timeout=60s']);
      const started = performance.now();
      await peapod.kubectl(['delete', 'pod', 'stubborn', '--wait=false']);
      await eventually('Terminating', async () => (await shownStatus('stubborn')) === 'Terminating');
      await peapod.kubectl(['wait', '--for=delete', 'pod/stubborn', '--timeout=40s']);
      expect(performance.now() - started).toBeGreaterThan(4_500);
      await peapod.kubectl(['delete', 'pod', 'fails', '--now']);
    });

    test('a command that is not in the image', async () => {
      await apply('no-command', {
        restartPolicy: 'Never',
        containers: [{ name: 'c', image: 'busybox:1.28', command: ['/no/such/program'] }],
      });
      await eventually('StartError', async () =>
        /^(StartError|RunContainerError|ContainerCannotRun)$/.test(await shownStatus('no-command')),
      );
      expect(JSON.stringify(await peapod.kubectl(['describe', 'pod', 'no-command']))).toMatch(
        /no such file or directory/,
      );
      await peapod.kubectl(['delete', 'pod', 'no-command', '--now']);
    });

    test('a volume that names a missing config map: FailedMount, and it starts once that is created', async () => {
      await apply('waits', {
        containers: [shell('c', 'cat /c/k; echo; sleep 600', { volumeMounts: [{ name: 'v', mountPath: '/c' }] })],
        volumes: [{ name: 'v', configMap: { name: 'late' } }],
      });
      await eventually('FailedMount', async () => (await eventReasons('waits')).includes('FailedMount'));
      expect(await peapod.kubectl(['describe', 'pod', 'waits'])).toContain(
        'MountVolume.SetUp failed for volume "v" : configmap "late" not found',
      );
      expect(await shownStatus('waits')).toBe('ContainerCreating');
      await peapod.kubectl(['create', 'configmap', 'late', '--from-literal=k=here']);
      await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/waits', '--timeout=60s']);
      expect(await peapod.kubectl(['logs', 'waits'])).toBe('here\n');
      await peapod.kubectl(['delete', 'pod', 'waits', '--now']);
    });

    test('a variable from a missing key: CreateContainerConfigError', async () => {
      await apply('no-key', {
        containers: [
          shell('c', 'true', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'missing', key: 'k' } } }] }),
        ],
      });
      await eventually(
        'CreateContainerConfigError',
        async () => (await shownStatus('no-key')) === 'CreateContainerConfigError',
      );
      expect(await field('no-key', '.status.containerStatuses[0].state.waiting.message')).toBe(
        'configmap "missing" not found',
      );
      await peapod.kubectl(['delete', 'pod', 'no-key', '--now']);
    });

    test('a pod that fits nowhere says why', async () => {
      await apply('huge', { containers: [shell('c', 'true', { resources: { requests: { cpu: '1000' } } })] });
      await eventually('FailedScheduling', async () => (await eventReasons('huge')).includes('FailedScheduling'));
      expect(await field('huge', '.status.conditions[?(@.type=="PodScheduled")].message')).toMatch(
        /^0\/1 nodes are available: 1 Insufficient cpu\./,
      );
      expect(await shownStatus('huge')).toBe('Pending');
      await peapod.kubectl(['delete', 'pod', 'huge', '--now']);
    });
  });

  test('the README names every example', () => {
    expect(readFileSync(join(repository, 'README.md'), 'utf8')).toContain('examples/');
  });
});
