// Probes and hooks on real containers: every handler, what their failures lead to, and a restart of Peapod in between.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
const example = (name: string): string => join(repository, 'examples', name);
const field = (pod: string, path: string): Promise<string> =>
  peapod.kubectl(['get', 'pod', pod, '-o', `jsonpath={${path}}`]);
const ready = (pod: string): Promise<string> => field(pod, '.status.conditions[?(@.type=="Ready")].status');
const restarts = (pod: string): Promise<string> => field(pod, '.status.containerStatuses[0].restartCount');

/** `reason message` of the pod's events, in order. */
async function events(pod: string): Promise<string[]> {
  const text = await peapod.kubectl(['get', 'events', '--field-selector', `involvedObject.name=${pod}`, '-o', 'json']);
  const { items } = JSON.parse(text) as { items: { reason: string; message: string }[] };
  return items.map(({ reason, message }) => `${reason} ${message}`);
}
const sawEvent = (pod: string, pattern: RegExp): Promise<string> =>
  eventually(`${pod}: event ${pattern}`, async () => (await events(pod)).find((text) => pattern.test(text)), 60_000);

const apply = (pod: object): Promise<string> => peapod.kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) });

/** A pod of one container that does nothing, with what is to be tried. */
const idle = (name: string, container: object, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'busybox:1.28', command: ['sleep', '3600'], ...container }],
    ...spec,
  },
});

describe.skipIf(noContainers)(`probes and hooks${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let web: Server;
  let answer = 200;
  const asked: IncomingMessage[] = [];
  let grpc: GrpcServer;
  let grpcPort = 0;
  let serving = true;

  beforeAll(async () => {
    web = createServer((request, response) => {
      asked.push(request);
      response.writeHead(answer, answer === 302 ? { Location: 'http://example.com/' } : {}).end('here');
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    grpc = new GrpcServer();
    grpc.addService(
      {
        check: {
          path: '/grpc.health.v1.Health/Check',
          requestStream: false,
          responseStream: false,
          requestSerialize: (value: Buffer) => value,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (value: Buffer) => value,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        check: (_call: unknown, reply: (error: null, value: Buffer) => void) =>
          reply(null, Buffer.from([0x08, serving ? 1 : 2])),
      },
    );
    grpcPort = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync('0.0.0.0:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    peapod = await startPeapod();
    const webPort = (web.address() as AddressInfo).port;
    const liveness = readFileSync(example('liveness-exec.yaml'), 'utf8')
      .replace('sleep 30', 'sleep 5')
      .replace('periodSeconds: 5', 'periodSeconds: 1');
    // All at once; the tests then look at what becomes of them.
    await Promise.all([
      peapod.kubectl(['apply', '-f', example('probes.yaml')]),
      peapod.kubectl(['apply', '-f', '-'], { input: liveness }),
      apply(
        idle('outside', {
          readinessProbe: {
            httpGet: {
              host: '127.0.0.1',
              port: webPort,
              path: '/well?really',
              httpHeaders: [
                { name: 'Host', value: 'pod.test' },
                { name: 'x-key', value: 'a' },
              ],
            },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ),
      apply(
        idle(
          'grpc',
          { readinessProbe: { grpc: { port: grpcPort }, periodSeconds: 1, failureThreshold: 1 } },
          { hostNetwork: true },
        ),
      ),
      apply(idle('slow', { readinessProbe: { exec: { command: ['sleep', '30'] }, periodSeconds: 30 } })),
      apply(idle('closed', { readinessProbe: { tcpSocket: { port: 81 }, periodSeconds: 30 } })),
      apply(
        idle('failing-start', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no >&2; exit 7'] } } } }),
      ),
    ]);
  });

  afterAll(async () => {
    await peapod?.dispose();
    web?.close();
    grpc?.forceShutdown();
  });

  test('probes: ready after startup; unready without its page, and not restarted', async () => {
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/probes', '--timeout=60s']);
    expect(await field('probes', '.status.containerStatuses[0].started')).toBe('true');
    const page = '/usr/share/nginx/html/index.html';
    await peapod.kubectl(['exec', 'probes', '--', 'mv', page, '/tmp/page']);
    await sawEvent('probes', /^Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 403$/);
    await peapod.kubectl(['wait', '--for=condition=Ready=false', 'pod/probes', '--timeout=30s']);
    expect(await field('probes', '.status.conditions[?(@.type=="ContainersReady")].message')).toBe(
      'containers with unready status: [nginx]',
    );
    await peapod.kubectl(['exec', 'probes', '--', 'mv', '/tmp/page', page]);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/probes', '--timeout=30s']);
    expect(await restarts('probes')).toBe('0');
  });

  test('HTTP: what is sent; a status of 500; a redirect to another host', async () => {
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/outside', '--timeout=60s']);
    const [first] = asked;
    expect(first?.url).toBe('/well?really');
    expect(first?.rawHeaders).toEqual([
      'Host',
      'pod.test',
      'User-Agent',
      'kube-probe/1.36',
      'Accept',
      '*/*',
      'X-Key',
      'a',
      'Connection',
      'close',
    ]);
    answer = 500;
    await sawEvent('outside', /^Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 500$/);
    await peapod.kubectl(['wait', '--for=condition=Ready=false', 'pod/outside', '--timeout=30s']);
    answer = 302;
    await sawEvent(
      'outside',
      /^ProbeWarning Readiness probe warning: Probe terminated redirects, Response body: here$/,
    );
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/outside', '--timeout=30s']);
  });

  test('gRPC: serving, then not', async () => {
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/grpc', '--timeout=60s']);
    serving = false;
    await sawEvent('grpc', /^Unhealthy Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)$/);
    await peapod.kubectl(['wait', '--for=condition=Ready=false', 'pod/grpc', '--timeout=30s']);
  });

  test('a command that takes too long, and a port that nobody listens at', async () => {
    await sawEvent('slow', /^Unhealthy Readiness probe failed: command timed out: "sleep 30" timed out after 1s$/);
    const ip = await field('closed', '.status.podIP');
    const text = `Unhealthy Readiness probe failed: dial tcp ${ip}:81: connect: connection refused`;
    expect(await sawEvent('closed', /^Unhealthy/)).toBe(text);
  });

  test('liveness-exec: the container is killed and started again, at once the first time', async () => {
    await eventually('a restart', async () => (await restarts('liveness-exec')) === '1', 60_000);
    const said = await events('liveness-exec');
    expect(said).toContainEqual(
      expect.stringMatching(/^Unhealthy Liveness probe failed: cat: can't open '\/tmp\/healthy': No such file/),
    );
    expect(said).toContain('Killing Container liveness failed liveness probe, will be restarted');
    expect(await field('liveness-exec', '.status.containerStatuses[0].lastState.terminated.exitCode')).toBe('137');
    expect(await field('liveness-exec', '.status.phase')).toBe('Running');
  });

  test('a postStart hook that fails: its container never runs, and is restarted with back-off', async () => {
    await sawEvent('failing-start', /^FailedPostStartHook PostStartHook failed$/);
    await sawEvent('failing-start', /^Killing FailedPostStartHook$/);
    await sawEvent('failing-start', /^BackOff /);
    expect(await field('failing-start', '.status.containerStatuses[0].state.running')).toBe('');
  });

  test('hooks: not running until postStart has ended; preStop speaks before the process is told', async () => {
    await peapod.kubectl(['apply', '-f', example('hooks.yaml')]);
    await sawEvent('hooks', /^Started /);
    expect(await field('hooks', '.status.phase')).toBe('Pending');
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/hooks', '--timeout=60s']);
    const log = peapod.kubectl(['logs', '-f', 'hooks']);
    await peapod.kubectl(['delete', 'pod', 'hooks']);
    expect(await log).toBe('postStart says hello\npreStop says goodbye\ntold to end\n');
  });

  test('a preStop hook that outlasts the grace period gets two seconds more', async () => {
    const preStop = { exec: { command: ['sleep', '60'] } };
    await apply(idle('stubborn', { lifecycle: { preStop } }, { terminationGracePeriodSeconds: 3 }));
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/stubborn', '--timeout=60s']);
    const began = performance.now();
    await peapod.kubectl(['delete', 'pod', 'stubborn']);
    const seconds = (performance.now() - began) / 1000;
    // Three of grace and two more, since sleep does not listen to TERM; on a busy machine the rest takes its time.
    expect(seconds).toBeGreaterThan(4.9);
    expect(seconds).toBeLessThan(20);
  });

  test('over a restart of Peapod what was ready stays so', async () => {
    const path = '.status.conditions[?(@.type=="Ready")].lastTransitionTime';
    const before = await field('probes', path);
    await peapod.kill9();
    await peapod.restart();
    await sawEvent('probes', /^Started /);
    const at = asked.length;
    await eventually('probes go on', () => asked.length > at + 2);
    expect(await ready('probes')).toBe('True');
    expect(await field('probes', path)).toBe(before);
    expect(await restarts('probes')).toBe('0');
  });
});
