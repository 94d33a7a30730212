// The kubelet's endpoint over TLS in front of a real containerd: logs, exec, attach and port-forward, and who is let in.
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Pod, PodStatus, SubjectAccessReview } from '../../src/api/generated/types.ts';
import type { Client } from '../../src/client/client.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { hostFiles } from '../../src/host/files.ts';
import { connectSocket, type HttpsServer, startHttpsServer } from '../../src/host/https-server.ts';
import { ensurePki, type KeyPair, type Pki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import type { KubeletPods } from '../../src/kubelet/seams.ts';
import { createKubeletAuth } from '../../src/kubelet/server/kubelet-auth.ts';
import { createKubeletServer } from '../../src/kubelet/server/kubelet-server.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

const script =
  'i=0; while [ $i -lt 5 ]; do echo "line $i"; i=$((i+1)); done; sleep 0.3; echo end >&2; mkdir /www; echo hello > /www/index.html; httpd -p 8080 -h /www; while read l; do echo "got $l"; done';

describe.skipIf(reason !== undefined)('kubelet server', () => {
  let node: TestNode;
  let server: HttpsServer;
  let pki: Pki;
  let client: KeyPair;
  let sandbox = '';
  let container = '';
  /** What the runtime gave out. */
  const streamingUrls: string[] = [];
  /** The API server may do everything, and nobody else anything. */
  const reviews: Pick<Client, 'create'> = {
    create: async (_, object) => {
      const { user } = (object as unknown as SubjectAccessReview).spec;
      return { ...object, status: { allowed: user === 'kube-apiserver-kubelet-client' } };
    },
  };
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'default', uid: 'u1' },
    spec: { containers: [{ name: 'main' }, { name: 'slow' }] },
  };

  beforeAll(async () => {
    node = await startTestNode('10.144.7.0/24');
    await node.images.load('fixtures/images/busybox.tar');
    const { runtime } = node.connection;
    const config = {
      metadata: { name: 'p', uid: 'u1', namespace: 'default', attempt: 0 },
      hostname: 'p',
      logDirectory: `${node.instance.podLogsDir}/default_p_u1`,
      linux: { cgroupParent: `${node.instance.cgroupRoot}/podu1` },
    };
    await mkdir(config.logDirectory, { recursive: true });
    await (await openCgroups())!.create(config.linux.cgroupParent);
    sandbox = await runtime.runPodSandbox(config);
    container = await runtime.createContainer(
      sandbox,
      {
        metadata: { name: 'main', attempt: 0 },
        image: { image: 'busybox' },
        command: ['sh', '-c', script],
        stdin: true,
        logPath: 'main.log',
      },
      config,
    );
    await runtime.startContainer(container);
    const status: PodStatus = {
      containerStatuses: [
        {
          name: 'main',
          image: '',
          imageID: '',
          ready: true,
          restartCount: 0,
          containerID: `containerd://${container}`,
          state: { running: {} },
        },
        {
          name: 'slow',
          image: '',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: 'ContainerCreating' } },
        },
      ],
    };
    const ref = { id: container, logPath: `${config.logDirectory}/main.log`, restartCount: 0, running: true };
    const pods: KubeletPods = {
      list: () => [pod],
      get: (namespace, name) => (namespace === 'default' && name === 'p' ? pod : undefined),
      getByUid: () => pod,
      status: () => status,
      containers: (_, name) => (name === 'main' ? [ref] : []),
      sandboxId: () => sandbox,
    };
    pki = await ensurePki({
      dir: `${node.instance.dataDir}/pki`,
      files: hostFiles,
      clock: realClock,
      hosts: ['127.0.0.1'],
    });
    const serving = await pki.issueServingCert({
      commonName: 'system:node:n',
      organizations: ['system:nodes'],
      hosts: ['127.0.0.1'],
    });
    client = await pki.issueClientCert('kube-apiserver-kubelet-client', []);
    const unused = async (): Promise<never> => {
      throw new Error('no statistics here');
    };
    const stats = {
      look: unused,
      summary: unused,
      resourceMetrics: unused,
      cadvisorMetrics: unused,
      kubeletMetrics: async () => '',
      probeMetrics: () => '',
    };
    const remembering = (url: string): string => {
      streamingUrls.push(url);
      return url;
    };
    const handler = createKubeletServer({
      pods,
      runtime: {
        ...runtime,
        exec: async (...args) => remembering(await runtime.exec(...args)),
        portForward: async (...args) => remembering(await runtime.portForward(...args)),
      },
      files: hostFiles,
      clock: realClock,
      auth: createKubeletAuth({ client: reviews as Client, nodeName: 'n', clock: realClock }),
      connect: connectSocket,
      stats,
    });
    server = await startHttpsServer({ ...serving, clientCa: pki.ca, host: '127.0.0.1', port: 0, handler });
  });
  afterAll(async () => {
    await server?.close();
    await node?.cleanUp();
  });

  const get = (path: string, pair: KeyPair | undefined = client): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: server.port, path, ca: pki.ca, ...pair };
      httpsRequest(options, (response: IncomingMessage) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      })
        .on('error', reject)
        .end();
    });

  /** Runs a WebSocket session on channels; resolves at its end with what each channel said. */
  const session = (
    path: string,
    protocol: string,
    onOpen: (socket: WebSocket) => void,
    until?: (out: string[]) => boolean,
    pair: KeyPair = client,
  ): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, protocol, { ca: pki.ca, ...pair });
      const out: string[] = [];
      socket.on('open', () => onOpen(socket));
      socket.on('message', (data: Buffer) => {
        const channel = data[0] ?? 0;
        out[channel] = (out[channel] ?? '') + data.subarray(1).toString('latin1');
        if (until?.(out)) socket.close();
      });
      socket.on('close', () => resolve(out));
      socket.on('error', reject);
    });

  test('logs', async () => {
    await expect.poll(async () => (await get('/containerLogs/default/p/main')).body).toContain('end\n');
    expect(await get('/containerLogs/default/p/main?tailLines=2&stream=stdout')).toMatchObject({
      status: 200,
      body: 'line 4\n',
    });
    expect((await get('/containerLogs/default/p/main?limitBytes=9')).body).toBe('line 0\nli');
    expect((await get('/containerLogs/default/p/main?timestamps=true')).body).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\S* line 0\n/,
    );
  });

  test.each([
    ['/containerLogs/default/p/slow', 400, 'container "slow" in pod "p" is waiting to start: ContainerCreating'],
    ['/containerLogs/default/p/main?previous=true', 400, 'previous terminated container "main" in pod "p" not found'],
    ['/containerLogs/default/p/nope', 404, 'container "nope" not found in pod "p"'],
    ['/containerLogs/default/nope/main', 404, 'pod "nope" does not exist'],
    [
      '/containerLogs/default/p/main?tailLines=-1',
      422,
      '{"message": "Invalid request: tailLines must be greater than or equal to 0."}',
    ],
    ['/exec/default/p/main?command=ls&output=1', 400, 'Upgrade request required'],
    ['/healthz', 200, 'ok'],
    ['/nothing', 404, '404 page not found\n'],
  ])('%s: %i %s', async (path, status, body) => {
    expect(await get(path)).toEqual({ status, body });
  });

  test('lets in certificates of its CA alone, and only where the API server says so', async () => {
    expect(await get('/pods', { cert: '', key: '' } as KeyPair)).toMatchObject({ status: 401 });
    const mallory = await pki.issueClientCert('mallory', []);
    expect(await get('/pods', mallory)).toEqual({
      status: 403,
      body: 'Forbidden (user=mallory, verb=get, resource=nodes, subresource(s)=[pods proxy])\n',
    });
    const others = await ensurePki({
      dir: `${node.instance.dataDir}/other-pki`,
      files: hostFiles,
      clock: realClock,
      hosts: ['127.0.0.1'],
    });
    expect(await get('/pods', await others.issueClientCert('kube-apiserver-kubelet-client', []))).toMatchObject({
      status: 401,
    });
    const query = 'command=id&output=1';
    for (const [path, pair, status] of [
      [`/exec/default/p/main?${query}`, mallory, '403'],
      [`/attach/default/p/main?output=1`, mallory, '403'],
      ['/portForward/default/p?port=8080', mallory, '403'],
      [`/exec/default/p/main?${query}`, { cert: '', key: '' }, '401'],
      [`/exec/default/p/another-uid/main?${query}`, client, '404'],
      ['/portForward/default/p/another-uid?port=8080', client, '404'],
      ['/portForward/default/p?port=70000', client, '400'],
      ['/pods', client, '404'],
    ] as const)
      await expect(session(path, 'v4.channel.k8s.io', () => {}, undefined, pair)).rejects.toThrow(status);
  });

  test("the runtime's streaming URLs work once, and none can be made up", async () => {
    await session('/exec/default/p/main?command=true&output=1', 'v4.channel.k8s.io', () => {});
    await session('/portForward/default/p?port=8080', 'v4.channel.k8s.io', (socket) => socket.close());
    expect(streamingUrls.length).toBeGreaterThanOrEqual(2);
    const [url = ''] = streamingUrls;
    // A token for exec opens no attach or port-forward, and a used one nothing.
    const forged = url.replace(/[^/]+$/, 'AAAAAAAA');
    const unused = await node.connection.runtime.exec(container, ['id'], {
      stdin: false,
      stdout: true,
      stderr: false,
      tty: false,
    });
    for (const [attempt, why] of [
      ...streamingUrls.map((used) => [used, /404/] as const),
      [forged, /404/],
      [url.replace(/[^/]+$/, ''), /404/],
      [unused.replace('/exec/', '/attach/'), /404/],
    ] as const) {
      const stream = new WebSocket(attempt.replace('http:', 'ws:'), 'v4.channel.k8s.io');
      const said: Buffer[] = [];
      const end = await new Promise<string>((resolve) => {
        stream.on('message', (data: Buffer) => said.push(data));
        stream.on('error', (error) => resolve(error.message));
        stream.on('close', () => resolve('closed'));
      });
      expect(end).toMatch(why);
      expect(Buffer.concat(said).toString()).not.toContain('uid=');
    }
  });

  test('exec: output, error stream, exit code', async () => {
    const query = `command=sh&command=-c&command=${encodeURIComponent('echo out; echo err >&2; exit 3')}&output=1&error=1`;
    const out = await session(`/exec/default/p/main?${query}`, 'v4.channel.k8s.io', () => {});
    expect(out[1]).toBe('out\n');
    expect(out[2]).toBe('err\n');
    expect(JSON.parse(out[3]!)).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });

  test('exec: input is passed on', async () => {
    const out = await session(
      '/exec/default/p/main?command=head&command=-n1&input=1&output=1',
      'v4.channel.k8s.io',
      (socket) => socket.send(Buffer.from('\0hello\n')),
    );
    expect(out[1]).toBe('hello\n');
  });

  test('attach: input reaches the main process and its output comes back', async () => {
    const out = await session(
      '/attach/default/p/main?input=1&output=1',
      'v4.channel.k8s.io',
      (socket) => socket.send(Buffer.from('\0ping\n')),
      (channels) => channels[1]?.includes('got ping') ?? false,
    );
    expect(out[1]).toContain('got ping\n');
  });

  test('port-forward reaches a port of the pod', async () => {
    const out = await session(
      '/portForward/default/p?port=8080',
      'v4.channel.k8s.io',
      (socket) => socket.send(Buffer.from('\0GET / HTTP/1.0\r\n\r\n')),
      (channels) => channels[0]?.includes('hello') ?? false,
    );
    expect(out[0]).toContain('hello\n');
  });

  test('an exec into nothing is refused before the upgrade', async () => {
    await expect(session('/exec/default/p/slow?command=ls&output=1', 'v4.channel.k8s.io', () => {})).rejects.toThrow(
      '404',
    );
    await expect(session('/exec/default/p/main?command=ls', 'v4.channel.k8s.io', () => {})).rejects.toThrow('400');
  });

  test('following logs ends with the container', async () => {
    const following = get('/containerLogs/default/p/main?follow=true&tailLines=1&stream=stdout');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await node.connection.runtime.stopContainer(container, 0);
    expect(await following).toMatchObject({ status: 200, body: 'got ping\n' });
  });
});
