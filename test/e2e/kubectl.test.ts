// Every everyday kubectl command, with the packaged kubectl and every other on the machine, against real containers.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Kubectl, allKubectls } from '../support/kubectls.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';
import type { RunResult } from '../support/run.ts';

const kubectls = await allKubectls();
let peapod: Peapod;
let folder: string;

const podYaml = (name: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: web, tier: front}
spec:
  terminationGracePeriodSeconds: 2
  containers:
    - name: nginx
      image: nginx:1.14.2
      ports: [{name: http, containerPort: 80}]
    - name: tool
      image: busybox:1.28
      command: [sh, -c, 'i=0; trap "exit 0" TERM; while true; do i=$((i+1)); echo line $i; sleep 0.2; done']
`;

describe.skipIf(noContainers)(`kubectl on real containers${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod();
    folder = mkdtempSync(join(tmpdir(), 'peapod-kubectl-'));
  });
  afterAll(async () => {
    await peapod?.dispose();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('the packaged kubectl is there', () => {
    expect(kubectls.map((kubectl) => kubectl.version)).toContain('1.35');
  });

  describe.each(kubectls)('kubectl $version', (binary: Kubectl) => {
    const name = `web-${binary.version.replace('.', '-')}`;
    const attempt = (args: string[], input?: string): Promise<RunResult> =>
      peapod.tryKubectl(args, { binary: binary.path, ...(input === undefined ? {} : { input }) });
    const kubectl = async (args: string[], input?: string): Promise<string> => {
      const result = await attempt(args, input);
      if (result.code !== 0)
        throw new Error(`kubectl ${args.join(' ')}: ${result.code}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    };
    /** A pseudo-terminal by util-linux' script(1), whose shell sets the size first. */
    const onTerminal = (rows: number, columns: number, args: string[], input: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const line = [binary.path, '--kubeconfig', join(peapod.dataDir, 'kubeconfig'), ...args]
          .map((arg) => `'${arg.replaceAll("'", String.raw`'\''`)}'`)
          .join(' ');
        const child = spawn('script', ['-qefc', `stty rows ${rows} cols ${columns}; ${line}`, '/dev/null'], {
          stdio: ['pipe', 'pipe', 'pipe'],
        });
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.on('error', reject);
        child.on('close', () => resolve(output));
        child.stdin.write(input);
      });

    beforeAll(async () => {
      expect(await kubectl(['apply', '-f', '-'], podYaml(name))).toBe(`pod/${name} created\n`);
      await kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);
    });
    afterAll(async () => {
      await attempt(['delete', 'pod', name, '--now', '--ignore-not-found']);
    });

    test('apply again changes nothing, then changes a label', async () => {
      expect(await kubectl(['apply', '-f', '-'], podYaml(name))).toBe(`pod/${name} unchanged\n`);
      expect(await kubectl(['apply', '-f', '-'], podYaml(name).replace('tier: front', 'tier: back'))).toBe(
        `pod/${name} configured\n`,
      );
      expect(await kubectl(['get', 'pod', name, '-o', 'jsonpath={.metadata.labels.tier}'])).toBe('back');
    });

    test('get: table, wide, yaml, json, jsonpath, name, custom columns, selectors, sort', async () => {
      const table = await kubectl(['get', 'pods', name]);
      expect(table).toMatch(/^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\n/);
      expect(table).toMatch(new RegExp(`\n${name}\\s+2/2\\s+Running\\s+0\\s+\\d+[sm]`));
      expect(await kubectl(['get', 'pods', name, '-o', 'wide'])).toMatch(
        /IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES\n.*\s10\.\d+\.\d+\.\d+\s+\S+\s+<none>\s+<none>/,
      );
      expect(await kubectl(['get', 'pod', name, '-o', 'yaml'])).toContain('phase: Running');
      expect(JSON.parse(await kubectl(['get', 'pod', name, '-o', 'json']))).toMatchObject({
        kind: 'Pod',
        status: { phase: 'Running', qosClass: 'BestEffort' },
      });
      expect(await kubectl(['get', 'pod', name, '-o', 'jsonpath={.spec.containers[*].name}'])).toBe('nginx tool');
      expect(
        await kubectl([
          'get',
          'pods',
          '-l',
          'app=web',
          '--field-selector',
          `metadata.name=${name},status.phase=Running`,
          '-o',
          'name',
        ]),
      ).toBe(`pod/${name}\n`);
      expect(await kubectl(['get', 'pods', '-l', 'app!=web', '-o', 'name'])).not.toContain(name);
      expect(await kubectl(['get', 'pods', '--sort-by=.metadata.creationTimestamp', '-o', 'name'])).toContain(name);
      expect(await kubectl(['get', 'pods', '-A', '-o', 'custom-columns=N:.metadata.name,P:.status.phase'])).toMatch(
        new RegExp(`${name}\\s+Running`),
      );
      expect(await kubectl(['get', 'all'])).toContain(`pod/${name}`);
      expect((await attempt(['get', 'pod', 'nothing'])).stderr).toBe(
        'Error from server (NotFound): pods "nothing" not found\n',
      );
    });

    test('get -w shows a change', async () => {
      const child = spawn(
        binary.path,
        ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'get', 'pod', name, '-w', '--show-labels'],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      try {
        await eventually('the first row', () => output.includes(name));
        await kubectl(['label', 'pod', name, 'watched=yes', '--overwrite']);
        await eventually('the changed row', () => output.includes('watched=yes'));
        await kubectl(['label', 'pod', name, 'watched-']);
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('describe shows the events in order', async () => {
      const text = await kubectl(['describe', 'pod', name]);
      const reasons = [...text.slice(text.indexOf('Events:')).matchAll(/^ {2}(?:Normal|Warning)\s+(\w+)/gm)].map(
        (match) => match[1],
      );
      expect(reasons).toEqual(['Scheduled', 'Pulled', 'Created', 'Started', 'Pulled', 'Created', 'Started']);
      expect(text).toMatch(/Successfully assigned default\/\S+ to \S+/);
      expect(await kubectl(['describe', 'node'])).toMatch(/Ready\s+True/);
    });

    test('explain', async () => {
      expect(await kubectl(['explain', 'pod.spec.containers'])).toMatch(
        /KIND:\s+Pod[\s\S]*FIELDS?:[\s\S]*imagePullPolicy/,
      );
      expect(await kubectl(['explain', 'pod', '--recursive'])).toMatch(/terminationGracePeriodSeconds/);
    });

    test('logs', async () => {
      expect(await kubectl(['logs', name, '-c', 'tool', '--tail=1'])).toMatch(/^line \d+\n$/);
      expect((await kubectl(['logs', name, '-c', 'tool', '--since=1s'])).split('\n').length).toBeLessThan(20);
      expect(await kubectl(['logs', name, '-c', 'tool', '--timestamps', '--tail=1'])).toMatch(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d+\n$/,
      );
      expect((await attempt(['logs', name, '-c', 'missing'])).stderr).toMatch(/container missing is not valid for pod/);
      const followed = spawn(
        binary.path,
        ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'logs', '-f', name, '-c', 'tool', '--tail=0'],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let output = '';
      followed.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      try {
        await eventually('followed lines', () => output.split('\n').length > 4);
      } finally {
        followed.kill('SIGKILL');
      }
    });

    test('exec: output, exit code, stdin, terminal with its size', async () => {
      expect(await kubectl(['exec', name, '-c', 'tool', '--', 'echo', 'hello'])).toBe('hello\n');
      const failed = await attempt(['exec', name, '-c', 'tool', '--', 'sh', '-c', 'echo oops >&2; exit 7']);
      expect([failed.code, failed.stderr]).toEqual([7, 'oops\ncommand terminated with exit code 7\n']);
      expect(await kubectl(['exec', '-i', name, '-c', 'tool', '--', 'cat'], 'through stdin')).toBe('through stdin');
      const screen = await onTerminal(
        33,
        101,
        ['exec', '-it', name, '-c', 'tool', '--', 'sh'],
        'for i in 1 2 3 4 5 6 7 8 9 10; do stty size; [ "$(stty size)" = "33 101" ] && break; sleep 0.1; done; exit\n',
      );
      expect(screen).toContain('33 101');
    });

    test('attach', async () => {
      const child = spawn(
        binary.path,
        ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'attach', name, '-c', 'tool'],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      try {
        await eventually('attached output', () => /line \d+/.test(output));
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('cp both ways', async () => {
      const [up, down] = [join(folder, `up-${name}`), join(folder, `down-${name}`)];
      writeFileSync(up, 'carried\n');
      await kubectl(['cp', up, `${name}:/tmp/carried`, '-c', 'tool']);
      expect(await kubectl(['exec', name, '-c', 'tool', '--', 'cat', '/tmp/carried'])).toBe('carried\n');
      await kubectl(['cp', `${name}:/tmp/carried`, down, '-c', 'tool']);
      expect(readFileSync(down, 'utf8')).toBe('carried\n');
    });

    test('port-forward', async () => {
      const child = spawn(
        binary.path,
        ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'port-forward', name, ':80'],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      try {
        const port = await eventually('the local port', () => /127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
        for (let i = 0; i < 3; i++) expect(await page(`http://127.0.0.1:${port}/`)).toContain('nginx');
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('label, annotate, patch in three types, edit', async () => {
      await kubectl(['label', 'pod', name, 'color=red']);
      await kubectl(['annotate', 'pod', name, 'note=this']);
      await kubectl(['patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"labels":{"merge":"yes"}}}']);
      await kubectl([
        'patch',
        'pod',
        name,
        '--type=json',
        '-p',
        '[{"op":"add","path":"/metadata/labels/json","value":"yes"}]',
      ]);
      await kubectl([
        'patch',
        'pod',
        name,
        '-p',
        '{"metadata":{"labels":{"strategic":"yes"}},"spec":{"containers":[{"name":"tool","image":"busybox:1.28"}]}}',
      ]);
      expect(JSON.parse(await kubectl(['get', 'pod', name, '-o', 'jsonpath={.metadata.labels}']))).toMatchObject({
        color: 'red',
        merge: 'yes',
        json: 'yes',
        strategic: 'yes',
      });
      const editor = join(folder, 'editor.sh');
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/color: red/color: blue/" "$1"\n', { mode: 0o755 });
      const edited = await peapod.tryKubectl(['edit', 'pod', name], {
        binary: binary.path,
        env: { KUBE_EDITOR: editor },
      });
      expect(edited.stdout).toBe(`pod/${name} edited\n`);
      expect(await kubectl(['get', 'pod', name, '-o', 'jsonpath={.metadata.labels.color}'])).toBe('blue');
    });

    test('create, run, replace --force, delete in each way', async () => {
      const other = `${name}-b`;
      expect(await kubectl(['run', other, '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600'])).toBe(
        `pod/${other} created\n`,
      );
      await kubectl(['wait', '--for=condition=Ready', `pod/${other}`, '--timeout=60s']);
      const before = await kubectl(['get', 'pod', other, '-o', 'jsonpath={.metadata.uid}']);
      const yaml = await kubectl(['get', 'pod', other, '-o', 'yaml']);
      expect(await kubectl(['replace', '--force', '--grace-period=1', '-f', '-'], yaml)).toContain(
        `pod/${other} replaced\n`,
      );
      expect(await kubectl(['get', 'pod', other, '-o', 'jsonpath={.metadata.uid}'])).not.toBe(before);
      await kubectl(['delete', 'pod', other, '--now']);
      await kubectl(['create', 'configmap', `${name}-c`, '--from-literal=k=v']);
      expect(await kubectl(['get', 'configmap', `${name}-c`, '-o', 'jsonpath={.data.k}'])).toBe('v');
      await kubectl(['delete', 'configmap', `${name}-c`]);
      await kubectl(['run', other, '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600']);
      await kubectl(['delete', 'pod', other, '--force', '--grace-period=0']);
      expect((await attempt(['get', 'pod', other])).code).toBe(1);
      await kubectl([
        'run',
        other,
        '--image=busybox:1.28',
        '--restart=Never',
        '--',
        'sh',
        '-c',
        'trap "exit 0" TERM; sleep 600 & wait',
      ]);
      await kubectl(['wait', '--for=condition=Ready', `pod/${other}`, '--timeout=60s']);
      await kubectl(['delete', 'pod', other, '--wait=false']);
      await kubectl(['wait', '--for=delete', `pod/${other}`, '--timeout=40s']);
    });

    test('run --rm -i gives the output of the pod', async () => {
      expect(
        await kubectl([
          'run',
          `${name}-once`,
          '--image=busybox:1.28',
          '--restart=Never',
          '--rm',
          '-i',
          '--quiet',
          '--',
          'echo',
          'only this',
        ]),
      ).toContain('only this');
    });

    test('auth whoami, api-resources, api-versions, cluster-info, version', async () => {
      expect(await kubectl(['auth', 'whoami'])).toMatch(/Username\s+\S+[\s\S]*system:masters/);
      expect(await kubectl(['api-resources'])).toMatch(/^pods\s+po\s+v1\s+true\s+Pod$/m);
      expect(await kubectl(['api-versions'])).toMatch(/^v1$/m);
      expect(await kubectl(['cluster-info'])).toContain('is running at');
      expect(await kubectl(['version', '-o', 'json'])).toMatch(/"gitVersion": "v1\.36\.0\+peapod\./);
    });
  });
});

function page(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
