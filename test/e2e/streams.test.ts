// The raw streaming endpoints: exec, attach and port-forward over WebSocket as browsers and client libraries use them, and who is refused.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { hostFiles } from '../../src/host/files.ts';
import { ensurePki, type KeyPair } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { type RawApi, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
let api: RawApi;
/** Signed by the cluster's CA, without any rights. */
let bob: KeyPair;
/** Signed by another CA. */
let stranger: KeyPair;

interface Socket {
  socket: WebSocket;
  /** What came on a channel: 1 stdout, 2 stderr, 3 the status at the end. */
  text(channel: number): string;
  closed(): Promise<void>;
}

/** Opens a WebSocket; rejects with status and body when it is refused. */
function open(path: string, protocols: string | string[], as: Partial<KeyPair> | 'admin' = 'admin'): Promise<Socket> {
  const identity = as === 'admin' ? api.tls : { ca: api.tls.ca, ...as };
  const socket = new WebSocket(new URL(path, api.server.href.replace(/^https/, 'wss')), protocols, identity);
  const channels = new Map<number, Buffer[]>();
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  socket.on('message', (data: Buffer, isBinary) => {
    // In base64 mode the channel is a digit and the rest is encoded.
    const channel = isBinary ? data[0]! : Number(String.fromCharCode(data[0]!));
    const rest = isBinary ? data.subarray(1) : Buffer.from(data.subarray(1).toString(), 'base64');
    channels.set(channel, [...(channels.get(channel) ?? []), rest]);
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => reject(new Error(`${response.statusCode} ${text}`)));
    });
    socket.on('open', () =>
      resolve({
        socket,
        text: (channel) => Buffer.concat(channels.get(channel) ?? []).toString(),
        closed: async () => void (await eventually('the end', () => isClosed, 20_000, 20)),
      }),
    );
  });
}

const pods = '/api/v1/namespaces/default/pods';
function execPath(command: string[], options: Record<string, string> = {}): string {
  const query = new URLSearchParams({ container: 'tool', stdout: 'true', stderr: 'true', ...options });
  for (const word of command) query.append('command', word);
  return `${pods}/streams/exec?${query.toString()}`;
}

async function refusal(opening: Promise<Socket>): Promise<{ status: number; message: string }> {
  let error: unknown;
  try {
    (await opening).socket.close();
  } catch (thrown) {
    error = thrown;
  }
  const [, status = '', text = ''] = /^(\d+) (.*)$/s.exec((error as Error | undefined)?.message ?? '') ?? [];
  return { status: Number(status), message: (JSON.parse(text || '{}') as { message?: string }).message ?? text };
}

describe.skipIf(noContainers)(`streams${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod();
    api = rawApi(peapod.dataDir);
    const folder = mkdtempSync(join(tmpdir(), 'peapod-pki-'));
    try {
      cpSync(join(peapod.dataDir, 'pki'), join(folder, 'same'), { recursive: true });
      const issue = async (dir: string, user: string, groups: string[]): Promise<KeyPair> =>
        (await ensurePki({ dir: join(folder, dir), files: hostFiles, clock: realClock, hosts: [] })).issueClientCert(
          user,
          groups,
        );
      bob = await issue('same', 'bob', ['dev']);
      stranger = await issue('other', 'kubernetes-admin', ['system:masters']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const spec = {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'tool', image: 'busybox:1.28', command: ['sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait'] },
        { name: 'nginx', image: 'nginx:1.14.2' },
        { name: 'term', image: 'busybox:1.28', command: ['sh'], stdin: true, tty: true },
      ],
    };
    await api.request('POST', pods, {
      body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'streams' }, spec },
    });
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/streams', '--timeout=60s']);
  });
  afterAll(async () => {
    api?.close();
    await peapod?.dispose();
  });

  test('exec: stdout, stderr and the exit code come on channels of their own', async () => {
    const exec = await open(execPath(['sh', '-c', 'echo out; echo err >&2; exit 7']), 'v4.channel.k8s.io');
    expect(exec.socket.protocol).toBe('v4.channel.k8s.io');
    await exec.closed();
    expect([exec.text(1), exec.text(2)]).toEqual(['out\n', 'err\n']);
    expect(JSON.parse(exec.text(3))).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });

  test('exec: success is told, and the best protocol is chosen of those offered', async () => {
    const exec = await open(execPath(['true']), ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io']);
    expect(exec.socket.protocol).toBe('v5.channel.k8s.io');
    await exec.closed();
    expect(JSON.parse(exec.text(3))).toMatchObject({ status: 'Success' });
  });

  test('exec, v5: stdin can be closed, and all of the output comes before the exit code', async () => {
    const exec = await open(
      execPath(['sh', '-c', 'cat; cat /dev/zero | head -c 3000000; echo err >&2; exit 3'], { stdin: 'true' }),
      'v5.channel.k8s.io',
    );
    const text = 'x'.repeat(100_000);
    exec.socket.send(Buffer.from(`\0${text}`));
    exec.socket.send(Buffer.from([255, 0]));
    await exec.closed();
    expect([exec.text(1).slice(0, 100_000) === text, exec.text(1).length, exec.text(2)]).toEqual([
      true,
      3_100_000,
      'err\n',
    ]);
    expect(JSON.parse(exec.text(3))).toMatchObject({
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });

  test('exec, v5: what cannot be run is told as kubectl prints it', async () => {
    const exec = await open(execPath(['/no/such/file']), 'v5.channel.k8s.io');
    await exec.closed();
    expect(JSON.parse(exec.text(3))).toMatchObject({
      status: 'Failure',
      message: expect.stringMatching(/no such file/) as string,
    });
  });

  test('a browser sends its token as a protocol, and the runtime never sees it', async () => {
    const { token } = (
      await api.request('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      })
    ).json<{ status: { token: string } }>().status;
    const encoded = Buffer.from(token).toString('base64url');
    const protocols = (text: string): string[] => [
      `base64url.bearer.authorization.k8s.io.${text}`,
      'v5.channel.k8s.io',
    ];
    const none: Partial<KeyPair> = {};
    expect(await refusal(open(execPath(['true']), protocols(encoded), none))).toMatchObject({
      status: 403,
      message: expect.stringContaining(
        'User "system:serviceaccount:default:default" cannot get resource "pods/exec"',
      ) as string,
    });
    const wrong = protocols(Buffer.from('nonsense').toString('base64url'));
    expect(await refusal(open(execPath(['true']), wrong, none))).toMatchObject({ status: 401 });
  });

  test('a log and a watch are read from a WebSocket', async () => {
    const log = `${pods}/streams/log?container=tool&follow=true`;
    await peapod.kubectl(['exec', 'streams', '-c', 'tool', '--', 'sh', '-c', 'echo from inside > /proc/1/fd/1']);
    const text: string[] = [];
    const following = new WebSocket(new URL(log, api.server.href.replace(/^https/, 'wss')), [], api.tls);
    following.on('message', (data: Buffer) => text.push(data.toString()));
    await eventually('the log', () => text.join('').includes('from inside'));
    following.terminate();
    const events: { type: string; object: { metadata: { name: string } } }[] = [];
    const watching = new WebSocket(
      new URL(`${pods}?watch=true`, api.server.href.replace(/^https/, 'wss')),
      [],
      api.tls,
    );
    watching.on('message', (data: Buffer) => events.push(JSON.parse(data.toString()) as (typeof events)[number]));
    await eventually('the pod', () => events.some((e) => e.type === 'ADDED' && e.object.metadata.name === 'streams'));
    watching.terminate();
  });

  test('exec: text in base64, for clients that cannot take bytes', async () => {
    const exec = await open(execPath(['echo', 'hällo']), 'v4.base64.channel.k8s.io');
    await exec.closed();
    expect(exec.text(1)).toBe('hällo\n');
  });

  test('exec: stdin, a terminal and its size', async () => {
    const exec = await open(execPath(['sh'], { stdin: 'true', tty: 'true', stderr: 'false' }), 'v4.channel.k8s.io');
    const send = (channel: number, text: string): void =>
      exec.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
    send(4, JSON.stringify({ Width: 77, Height: 22 }));
    await eventually(
      'the size',
      () => {
        send(0, 'stty size\n');
        return exec.text(1).includes('22 77');
      },
      20_000,
      200,
    );
    send(0, 'exit\n');
    await exec.closed();
  });

  test('attach: a shell that runs', async () => {
    const path = `${pods}/streams/attach?container=term&stdin=true&stdout=true&tty=true`;
    const attach = await open(path, 'v4.channel.k8s.io');
    await eventually(
      'an answer',
      () => {
        attach.socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('echo a$((40+2))b\n')]));
        return attach.text(1).includes('a42b');
      },
      20_000,
      300,
    );
    attach.socket.terminate();
  });

  test('port-forward: a data and an error channel for the port', async () => {
    const forward = await open(`${pods}/streams/portforward?ports=80`, 'v4.channel.k8s.io');
    // Each channel begins with the port's number.
    await eventually('both channels', () => forward.text(0).length >= 2 && forward.text(1).length >= 2);
    forward.socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('GET / HTTP/1.0\r\n\r\n')]));
    await eventually('the page', () => forward.text(0).includes('nginx'));
    forward.socket.terminate();
  });

  test.each<[string, () => Promise<Socket>, number, string | RegExp]>([
    ['a protocol that is not known', () => open(execPath(['true']), 'v9.channel.k8s.io'), 403, ''],
    [
      'a container that is not there',
      () => open(execPath(['true'], { container: 'missing' }), 'v4.channel.k8s.io'),
      400,
      'container missing is not valid for pod streams',
    ],
    [
      'no container where there are several',
      () => open(execPath(['true'], { container: '' }), 'v4.channel.k8s.io'),
      400,
      'a container name must be specified for pod streams, choose one of: [tool nginx term]',
    ],
    [
      'a pod that is not there',
      () => open(`${pods}/none/exec?command=true&stdout=true`, 'v4.channel.k8s.io'),
      404,
      'pods "none" not found',
    ],
    [
      'no command',
      () => open(execPath([]), 'v4.channel.k8s.io'),
      400,
      'you must specify at least 1 command for the container',
    ],
    [
      'a user without rights',
      () => open(execPath(['true']), 'v4.channel.k8s.io', bob),
      403,
      'pods "streams" is forbidden: User "bob" cannot get resource "pods/exec" in API group "" in the namespace "default"',
    ],
    ['a certificate of another CA', () => open(execPath(['true']), 'v4.channel.k8s.io', stranger), 401, 'Unauthorized'],
  ])('refused: %s', async (_what, opening, status, message) => {
    const refused = await refusal(opening());
    expect(refused).toEqual({
      status,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  test('without an upgrade it is a bad request', async () => {
    const answer = await api.request('POST', execPath(['true']));
    expect([answer.status, answer.json()['message']]).toEqual([400, 'Upgrade request required']);
  });

  describe('the kubelet', () => {
    async function kubelet(path: string, as: KeyPair | undefined, headers: Record<string, string> = {}) {
      const node = (await api.request('GET', '/api/v1/nodes')).json<{
        items: {
          metadata: { name: string };
          status: {
            addresses: { type: string; address: string }[];
            daemonEndpoints: { kubeletEndpoint: { Port: number } };
          };
        }[];
      }>().items[0]!;
      return new Promise<{ status: number; text: string }>((resolve, reject) => {
        const outgoing = httpsRequest(
          {
            host: node.status.addresses.find(({ type }) => type === 'InternalIP')!.address,
            port: node.status.daemonEndpoints.kubeletEndpoint.Port,
            path,
            headers,
            agent: false,
            ca: api.tls.ca,
            servername: node.metadata.name,
            ...as,
          },
          (response) => {
            let text = '';
            response.on('data', (chunk: Buffer) => (text += chunk.toString()));
            response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
          },
        );
        outgoing.on('error', reject);
        outgoing.end();
      });
    }
    const upgrade = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' };
    const exec = '/exec/default/streams/tool?command=true&output=1';

    test.each<[string, () => KeyPair | undefined, number]>([
      ['nobody', () => undefined, 401],
      ['a certificate of another CA', () => stranger, 401],
      ['a user without rights', () => bob, 403],
    ])('refuses %s', async (_who, as, status) => {
      for (const path of ['/pods', '/configz', '/containerLogs/default/streams/tool', '/healthz'])
        expect([path, (await kubelet(path, as())).status]).toEqual([path, status]);
      expect((await kubelet(exec, as(), upgrade)).status).toBe(status);
      if (status === 403)
        expect((await kubelet('/containerLogs/default/streams/tool', as())).text).toBe(
          'Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[proxy])\n',
        );
    });

    test('takes an administrator, and tells what is not there', async () => {
      const admin = { cert: api.tls.cert.toString(), key: api.tls.key.toString() };
      expect(await kubelet('/healthz', admin)).toEqual({ status: 200, text: 'ok' });
      expect((await kubelet('/pods', admin)).text).toContain('"name":"streams"');
      expect(await kubelet('/nothing', admin)).toEqual({ status: 404, text: '404 page not found\n' });
      expect(await kubelet('/exec/default/none/c?command=true&output=1', admin, upgrade)).toEqual({
        status: 404,
        text: 'pod "none" does not exist',
      });
      // Nobody reaches files of the node by the names in a path.
      expect((await kubelet('/containerLogs/default/..%2f..%2fetc/passwd', admin)).status).toBe(400);
    });
  });
});
