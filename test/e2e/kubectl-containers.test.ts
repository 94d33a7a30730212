// kubectl's ways into running containers: logs, exec, attach, cp, port-forward, proxy; with every kubectl, on real containers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Background } from '../support/kubectl-runner.ts';
import { type KubectlContext, describeKubectls } from '../support/kubectl-suite.ts';

await describeKubectls('kubectl into containers', core, full);

/** Local ports by the port in the pod, once kubectl says that it listens on all. */
async function forwarded(forward: Background, ports: number[]): Promise<number[]> {
  return eventually('the local ports', () => {
    const found = ports.map((port) => new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${port}\n`).exec(forward.output())?.[1]);
    if (found.includes(undefined)) throw new Error(forward.output() + forward.errors());
    return found.map(Number);
  });
}

function page(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-kubectl-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function core({ kubectl, pod }: KubectlContext): void {
  const exec = (...args: string[]): string[] => ['exec', pod, '-c', 'tool', '--', ...args];

  test('logs: a container, tail, since, timestamps, all, a wrong one, follow', async () => {
    const logs = (...args: string[]): Promise<string> => kubectl(['logs', pod, ...args]);
    await eventually('ten lines', async () => (await logs('-c', 'tool')).includes('line 10\n'));
    expect(await logs('-c', 'tool', '--tail=1')).toMatch(/^line \d+\n$/);
    expect((await logs('-c', 'tool')).startsWith('line 1\nline 2\n')).toBe(true);
    expect(await logs('-c', 'tool', '--limit-bytes=9')).toBe('line 1\nli');
    const entries = async (...args: string[]): Promise<string[]> =>
      (await logs('-c', 'tool', '--timestamps', ...args)).trimEnd().split('\n');
    const timeOf = (entry: string): number => Date.parse(entry.split(' ')[0] ?? '');
    const asked = Date.now();
    const recent = await entries('--since=1s');
    for (const entry of recent) expect(timeOf(entry)).toBeGreaterThan(asked - 1050);
    const since = `${new Date(Date.now() - 1000).toISOString().slice(0, 19)}Z`;
    const sinceTime = await entries(`--since-time=${since}`);
    const wanted = (await entries()).filter((entry) => timeOf(entry) >= Date.parse(since));
    expect(sinceTime).toEqual(wanted.slice(0, sinceTime.length));
    expect(sinceTime.length).toBeGreaterThan(0);
    expect(await logs('-c', 'tool', '--timestamps', '--tail=1')).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d+\n$/,
    );
    expect(await logs('--all-containers', '--prefix', '--tail=1')).toMatch(new RegExp(`\\[pod/${pod}/tool\\] line`));
    expect((await kubectl.attempt(['logs', pod])).stderr).toBe(
      'Defaulted container "nginx" out of: nginx, tool, term\n',
    );
    expect((await kubectl.attempt(['logs', pod, '-c', 'missing'])).stderr).toBe(
      `error: container missing is not valid for pod ${pod}\n`,
    );
    const followed = kubectl.background(['logs', '-f', pod, '-c', 'tool', '--tail=0']);
    try {
      await eventually('followed lines', () => followed.output().split('\n').length > 4);
    } finally {
      followed.stop();
    }
  });

  test('exec: output, exit code, stdin, what is not there', async () => {
    expect(await kubectl(exec('echo', 'hello'))).toBe('hello\n');
    const failed = await kubectl.attempt(exec('sh', '-c', 'echo oops >&2; exit 7'));
    expect([failed.code, failed.stderr]).toEqual([7, 'oops\ncommand terminated with exit code 7\n']);
    expect(await kubectl(['exec', '-i', pod, '-c', 'tool', '--', 'cat'], 'through stdin')).toBe('through stdin');
    const container = await kubectl.attempt(['exec', pod, '-c', 'missing', '--', 'ls']);
    expect([container.code, container.stderr]).toEqual([
      1,
      `Error from server (BadRequest): container missing is not valid for pod ${pod}\n`,
    ]);
    const program = await kubectl.attempt(exec('/missing'));
    expect(program.code).not.toBe(0);
    expect(program.stderr).toMatch(/exec: "\/missing": stat \/missing: no such file or directory/);
    expect((await kubectl.attempt(['exec', 'nothing', '--', 'ls'])).stderr).toBe(
      'Error from server (NotFound): pods "nothing" not found\n',
    );
  });

  test('exec -it: a terminal of its size, also when that changes', async () => {
    const shell = kubectl.terminal(33, 101, ['exec', '-it', pod, '-c', 'tool', '--', 'sh']);
    const size = async (what: string): Promise<void> => {
      await eventually(
        `a terminal of ${what}`,
        () => {
          shell.type('stty size\r');
          return shell.output().includes(what);
        },
        30_000,
        300,
      );
    };
    try {
      await eventually('a prompt', () => /[#$] /.test(shell.output()));
      await size('33 101');
      const device = /^\/dev\/pts\/\d+/m.exec(shell.output())?.[0] ?? '';
      expect(spawnSync('stty', ['-F', device, 'rows', '41', 'cols', '132']).status).toBe(0);
      await size('41 132');
      shell.type('exit 5\r');
      expect(await shell.ended()).toBe(5);
    } finally {
      shell.stop();
    }
  });

  test('attach shows what comes', async () => {
    const attached = kubectl.background(['attach', pod, '-c', 'tool']);
    try {
      await eventually('attached output', () => /line \d+/.test(attached.output()));
    } finally {
      attached.stop();
    }
  });

  test('cp of a file, both ways', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'up'), 'carried\n');
      await kubectl(['cp', join(folder, 'up'), `${pod}:/tmp/carried`, '-c', 'tool']);
      expect(await kubectl(exec('cat', '/tmp/carried'))).toBe('carried\n');
      await kubectl(['cp', `${pod}:/tmp/carried`, join(folder, 'down'), '-c', 'tool']);
      expect(readFileSync(join(folder, 'down'), 'utf8')).toBe('carried\n');
    }));

  test('port-forward: requests one after another and side by side', async () => {
    const forward = kubectl.background(['port-forward', pod, ':80']);
    try {
      const [port] = await forwarded(forward, [80]);
      for (let i = 0; i < 3; i++) expect((await page(`http://127.0.0.1:${port}/`)).text).toContain('nginx');
      const many = await Promise.all(Array.from({ length: 8 }, () => page(`http://127.0.0.1:${port}/`)));
      expect(many.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    } finally {
      forward.stop();
    }
  });

  test('run --rm -i: input, output and exit code of the pod', async () => {
    // containerd's attach passes input on a moment before it listens for output: an answer in that moment would be lost.
    const script = 'read line; sleep 0.5; echo "got $line"; exit 3';
    const once = ['run', `${pod}-once`, '--image=busybox:1.28', '--restart=Never', '--rm', '-i', '--quiet', '--'];
    const result = await kubectl.attempt([...once, 'sh', '-c', script], 'this\n');
    expect([result.code, result.stdout]).toEqual([3, expect.stringContaining('got this\n')]);
    expect((await kubectl.attempt(['get', 'pod', `${pod}-once`])).stderr).toContain('not found');
  });
}

function full({ kubectl, pod }: KubectlContext): void {
  test('attach -it: a shell that has stdin and a terminal, left and taken up again', async () => {
    const attach = (): Background => kubectl.terminal(30, 90, ['attach', '-it', pod, '-c', 'term']);
    const first = attach();
    try {
      // Nothing shows that attach is ready but an answer.
      await eventually(
        'an answer',
        () => {
          first.type('kept=here; echo a$((40+2))b; stty size\r');
          return first.output().includes('a42b') && first.output().includes('30 90');
        },
        30_000,
        500,
      );
    } finally {
      first.stop();
    }
    const second = attach();
    try {
      await eventually(
        'the same shell',
        () => {
          second.type('echo still-$kept\r');
          return second.output().includes('still-here');
        },
        30_000,
        500,
      );
      second.type('exit\r');
      expect(await second.ended()).toBe(0);
    } finally {
      second.stop();
    }
    // The shell's end restarts the container, whose logs of before remain.
    await eventually('the restart', async () => {
      const count = 'jsonpath={.status.containerStatuses[?(@.name=="term")].restartCount}';
      return (await kubectl(['get', 'pod', pod, '-o', count])) === '1';
    });
    expect(await kubectl(['logs', '--previous', pod, '-c', 'term'])).toContain('still-here');
  });

  test('logs --previous of a container that restarts, and of one that did not', async () => {
    const name = `${pod}-crash`;
    // The exit code is told to the next run by a file in a volume, so that both logs can be told apart.
    const script =
      'n=$(cat /v/n 2>/dev/null || echo 0); echo $((n+1)) > /v/n; echo run $n; [ $n = 0 ] && exit 3; sleep 600';
    const yaml = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        terminationGracePeriodSeconds: 0,
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [
          {
            name: 'c',
            image: 'busybox:1.28',
            command: ['sh', '-c', script],
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
          },
        ],
      },
    });
    await kubectl(['create', '-f', '-'], yaml);
    const follow = kubectl.background(['logs', '-f', '--pod-running-timeout=30s', name]);
    try {
      await kubectl([
        'wait',
        `pod/${name}`,
        '--for=jsonpath={.status.containerStatuses[0].restartCount}=1',
        '--timeout=60s',
      ]);
      await kubectl(['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s']);
      expect(await kubectl(['logs', '--previous', name])).toBe('run 0\n');
      expect(await kubectl(['logs', name])).toBe('run 1\n');
      expect((await kubectl.attempt(['logs', '-p', pod, '-c', 'nginx'])).stderr).toBe(
        `Error from server (BadRequest): previous terminated container "nginx" in pod "${pod}" not found\n`,
      );
    } finally {
      follow.stop();
      await kubectl(['delete', 'pod', name, '--now']);
    }
  });

  test('logs -f ends with the container', async () => {
    const name = `${pod}-ends`;
    await kubectl([
      'run',
      name,
      '--image=busybox:1.28',
      '--restart=Never',
      '--',
      'sh',
      '-c',
      'echo one; sleep 2; echo two',
    ]);
    await eventually('a started container', async () => (await kubectl.attempt(['logs', name])).code === 0);
    const follow = kubectl.background(['logs', '-f', name]);
    expect([await follow.ended(), follow.output()]).toEqual([0, 'one\ntwo\n']);
    await kubectl(['delete', 'pod', name, '--now']);
  });

  test('exec: much data, many at once, and a reader that goes away', async () => {
    const bytes = 'x'.repeat(3_000_000);
    const counted = await kubectl(['exec', '-i', pod, '-c', 'tool', '--', 'wc', '-c'], bytes);
    expect(counted.trim()).toBe('3000000');
    const zeros = await kubectl([
      'exec',
      pod,
      '-c',
      'tool',
      '--',
      'sh',
      '-c',
      'head -c 3000000 /dev/zero | tr "\\0" y',
    ]);
    expect(zeros.length).toBe(3_000_000);
    const many = await Promise.all(
      Array.from({ length: 6 }, (_, i) => kubectl(['exec', pod, '-c', 'tool', '--', 'echo', `n${i}`])),
    );
    expect(many).toEqual(Array.from({ length: 6 }, (_, i) => `n${i}\n`));
    const left = kubectl.background(['exec', pod, '-c', 'tool', '--', 'sh', '-c', 'while sleep 0.1; do echo x; done']);
    await eventually('output', () => left.output().includes('x'));
    left.stop();
    expect(await kubectl(['exec', pod, '-c', 'tool', '--', 'echo', 'fine'])).toBe('fine\n');
  });

  test('cp of folders, both ways', () =>
    inFolder(async (folder) => {
      const from = join(folder, 'tree');
      mkdirSync(join(from, 'sub/deep'), { recursive: true });
      writeFileSync(join(from, 'a'), 'a\n');
      writeFileSync(join(from, 'sub/deep/script.sh'), '#!/bin/sh\n', { mode: 0o755 });
      const big = Buffer.alloc(2_500_000, 'peapod ');
      writeFileSync(join(from, 'sub/big'), big);
      symlinkSync('a', join(from, 'link'));
      await kubectl(['cp', from, `${pod}:/tmp/tree`, '-c', 'tool']);
      const found = await kubectl([
        'exec',
        pod,
        '-c',
        'tool',
        '--',
        'find',
        '/tmp/tree',
        '-type',
        'f',
        '-perm',
        '-u+x',
      ]);
      expect(found).toBe('/tmp/tree/sub/deep/script.sh\n');
      await kubectl(['cp', `${pod}:/tmp/tree`, join(folder, 'back'), '-c', 'tool']);
      expect(readFileSync(join(folder, 'back/a'), 'utf8')).toBe('a\n');
      expect(readFileSync(join(folder, 'back/sub/big')).equals(big)).toBe(true);
      expect((await kubectl.attempt(['cp', join(folder, 'none'), `${pod}:/tmp/x`, '-c', 'tool'])).code).toBe(1);
    }));

  test('port-forward: several ports, by name, clients that break off, a port where nobody listens', async () => {
    const forward = kubectl.background(['port-forward', `pod/${pod}`, ':http', ':9']);
    try {
      const [port = 0, nobody = 0] = await forwarded(forward, [80, 9]);
      expect((await page(`http://127.0.0.1:${port}/`)).status).toBe(200);
      for (let i = 0; i < 3; i++) {
        // Half a request, and gone by a reset.
        const socket = connect(port, '127.0.0.1');
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write('GET / HTTP/1.1\r\n');
        socket.resetAndDestroy();
        expect((await page(`http://127.0.0.1:${port}/`)).status).toBe(200);
      }
      // kubectl gives the whole connection up when the pod refuses one: that is its own way, seen with Kubernetes, too.
      await page(`http://127.0.0.1:${nobody}/`).catch(() => {});
      await eventually('the reason', () => forward.errors().includes('connection refused'));
    } finally {
      forward.stop();
    }
    const none = await kubectl.attempt(['port-forward', pod, ':nope']);
    expect([none.code, none.stderr]).toEqual([1, `error: Pod '${pod}' does not have a named port 'nope'\n`]);
  });

  test('proxy: the API, and a pod behind it', async () => {
    const proxy = kubectl.background(['proxy', '--port=0']);
    try {
      const base = await eventually(
        'the address',
        () => /Starting to serve on (\S+)/.exec(proxy.output())?.[1] ?? Promise.reject(new Error(proxy.errors())),
      );
      const at = (path: string) => page(`http://${base}/api/v1/namespaces/default/pods/${path}`);
      expect(JSON.parse((await at(pod)).text)).toMatchObject({ kind: 'Pod', metadata: { name: pod } });
      expect((await at(`${pod}:80/proxy/`)).text).toContain('nginx');
      expect((await at(`${pod}:http/proxy/`)).status).toBe(200);
      expect((await at(`${pod}:80/proxy`)).status).toBe(301);
      expect((await at(`${pod}/proxy/missing`)).status).toBe(404);
      expect((await at('nothing')).status).toBe(404);
    } finally {
      proxy.stop();
    }
  });

  test('of a pod that has ended there is only the log', async () => {
    const name = `${pod}-done`;
    await kubectl(['run', name, '--image=busybox:1.28', '--restart=Never', '--', 'echo', 'bye']);
    await kubectl(['wait', `pod/${name}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
    expect(await kubectl(['logs', name])).toBe('bye\n');
    const phase = 'current phase is Succeeded\n';
    expect((await kubectl.attempt(['attach', name])).stderr).toBe(
      `error: cannot attach a container in a completed pod; ${phase}`,
    );
    expect((await kubectl.attempt(['exec', name, '--', 'ls'])).stderr).toBe(
      `error: cannot exec into a container in a completed pod; ${phase}`,
    );
    expect((await kubectl.attempt(['port-forward', name, ':80'])).stderr).toBe(
      'error: unable to forward port because pod is not running. Current status=Succeeded\n',
    );
    await kubectl(['delete', 'pod', name, '--now']);
  });
}
