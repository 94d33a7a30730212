// The events that `kubectl describe pod` lists and the rows that `kubectl get pods -w` prints over a pod's life, as goldens.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { childOfFile } from '../support/in-file.ts';
import { allKubectls } from '../support/kubectls.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';

const goldens = join(repository, 'test/e2e/testdata');
let peapod: Peapod;
let binary: string;
const tried = new Set<string>();
const watches: ChildProcess[] = [];

async function kubectl(args: string[], input?: string): Promise<string> {
  const result = await peapod.tryKubectl(args, { binary, ...(input === undefined ? {} : { input }) });
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.code}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** How often these happen depends on the machine's pace. */
const atItsOwnPace = /^(BackOff|FailedMount|FailedScheduling)$|^Failed Error: (ImagePullBackOff|configmap)/;

/** One line per event: type, reason, count where it is more than one (xN where it is open), source, field, message. */
function shown(type: string, reason: string, count: number, from: string, text: string): string {
  const [, field = '', message = ''] = /^(spec\.\w+\{[^}]*\}: )?([^]*)$/.exec(text) ?? [];
  const words = message
    .replace(/\([0-9a-f]{8}-[0-9a-f-]{27}\)/g, '(UID)')
    .replace(
      /in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes/,
      'in T (T including waiting). Image size: N bytes',
    )
    .replace(/^(Failed to pull image "[^"]*"): .*$/, '$1: WHAT THE RUNTIME SAYS');
  const open = atItsOwnPace.test(reason) || atItsOwnPace.test(`${reason} ${message}`);
  return [type, reason, ...(open ? ['xN'] : count > 1 ? [`x${count}`] : []), from, field + words].join(' ');
}

/** The event table of kubectl describe, without ages. */
async function describedEvents(pod: string): Promise<string[]> {
  const text = await kubectl(['describe', 'pod', pod]);
  // After 'Events:', the names of the columns and a line under them.
  const rows = text.slice(text.indexOf('\nEvents:')).trim().split('\n').slice(3);
  return rows.map((row) => {
    const [type = '', reason = '', age = '', from = '', ...message] = row.trim().split(/\s{2,}/);
    return shown(type, reason, Number(/\(x(\d+) over /.exec(age)?.[1] ?? 1), from, message.join('  '));
  });
}

interface Event {
  type: string;
  reason: string;
  message: string;
  count: number;
  lastTimestamp: string;
  source: { component: string };
  involvedObject: { fieldPath?: string };
}
const eventsOf = async (pod: string): Promise<Event[]> =>
  (
    JSON.parse(await kubectl(['get', 'events', '-o', 'json', '--field-selector', `involvedObject.name=${pod}`])) as {
      items: Event[];
    }
  ).items;

/** Rows of `kubectl get pods -w` for one pod as `ready status restarts`, each change once. */
interface Watch {
  rows(): string[];
  /** Resolves when a row of that status has come. */
  reached(status: string, deadlineMs?: number): Promise<unknown>;
}

async function watch(pod: string): Promise<Watch> {
  const args = ['--kubeconfig', join(peapod.dataDir, 'kubeconfig'), 'get', 'pods', '-w', '--no-headers'];
  const child = childOfFile(spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  watches.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // Its row tells that the list is read, so that the watch misses nothing from here on.
  await eventually('the watch has begun', () => output.includes('\n'));
  const rows = (): string[] => {
    const all = output
      .split('\n')
      .map((line) => line.split(/\s+/))
      .filter(([name]) => name === pod)
      .map(([, ready, status, restarts]) => `${ready} ${status} ${restarts}`);
    return all.filter((row, i) => row !== all[i - 1]);
  };
  return {
    rows,
    reached: (status, deadlineMs = 60_000) =>
      eventually(
        `${pod}: ${status}`,
        () => {
          if (rows().some((row) => row.split(' ')[1] === status)) return true;
          throw new Error(rows().join(', '));
        },
        deadlineMs,
      ),
  };
}

/** Compares with the golden of that name, whose header names what it was read from. */
function expectGolden(name: string, events: string[], status: string[]): void {
  tried.add(`${name}.txt`);
  const golden = readFileSync(join(goldens, `${name}.txt`), 'utf8');
  expect(golden).toMatch(/^# .*\.go.*v1\.36/);
  const lines = golden.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(['events:', ...events, 'status:', ...status]).toEqual(lines);
}

const create = (name: string, spec: Record<string, unknown>): Promise<string> =>
  kubectl(
    ['create', '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { terminationGracePeriodSeconds: 20, ...spec },
    }),
  );
const shell = (script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: 'main',
  image: 'busybox:1.28',
  command: ['sh', '-c', script],
  ...more,
});
const waits = 'trap "exit 0" TERM; while true; do sleep 0.1; done';

describe.skipIf(noContainers)(`describe and get -w${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod({ args: ['--node-name', 'node'] });
    binary = (await allKubectls())[0]!.path;
    await create('aside', { schedulerName: 'nobody', containers: [shell('true')] });
  });
  afterAll(async () => {
    for (const child of watches) child.kill('SIGKILL');
    await peapod?.dispose();
  });

  test('a plain start', async () => {
    const { rows, reached } = await watch('plain');
    await create('plain', { containers: [shell(waits)] });
    await reached('Running');
    await eventually('Started', async () => (await eventsOf('plain')).some(({ reason }) => reason === 'Started'));
    expectGolden('plain', await describedEvents('plain'), rows());
  });

  test('a start with a pull', async () => {
    const { rows, reached } = await watch('pull');
    await create('pull', { containers: [shell(waits, { imagePullPolicy: 'Always' })] });
    await reached('Running');
    await eventually('Started', async () => (await eventsOf('pull')).some(({ reason }) => reason === 'Started'));
    expectGolden('pull', await describedEvents('pull'), rows());
  });

  test('an init container', async () => {
    const { rows, reached } = await watch('init');
    await create('init', {
      initContainers: [shell('sleep 2', { name: 'first' })],
      containers: [shell(waits)],
    });
    await reached('Running');
    await eventually(
      'Started twice',
      async () => (await eventsOf('init')).filter(({ reason }) => reason === 'Started').length === 2,
    );
    expectGolden('init', await describedEvents('init'), rows());
  });

  test('a crash loop, up to the first back-off', async () => {
    const { rows, reached } = await watch('crash');
    await create('crash', { containers: [shell('sleep 2; exit 3')] });
    await reached('CrashLoopBackOff');
    await eventually('BackOff', async () => (await eventsOf('crash')).some(({ reason }) => reason === 'BackOff'));
    expectGolden('crash', await describedEvents('crash'), rows());
  });

  test('an image that cannot be pulled', async () => {
    const { rows, reached } = await watch('no-image');
    await create('no-image', { containers: [{ name: 'main', image: 'localhost:1/nothing:1' }] });
    await reached('ImagePullBackOff');
    await eventually('the back-off is an event', async () =>
      (await eventsOf('no-image')).some(({ message }) => message === 'Error: ImagePullBackOff'),
    );
    expectGolden('no-image', await describedEvents('no-image'), rows().slice(0, 4));
  });

  /** Events are listed by the second in which they happened last: the next shall be in a later one. */
  const inLaterSecondThan = (pod: string, reason: string): Promise<unknown> =>
    eventually(`a second after ${reason}`, async () => {
      const last = (await eventsOf(pod)).find((event) => event.reason === reason)?.lastTimestamp;
      return last !== undefined && Date.now() > Date.parse(last) + 1100;
    });

  test('a volume of a missing config map, then created', async () => {
    const { rows, reached } = await watch('late-volume');
    await create('late-volume', {
      containers: [shell(waits, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', configMap: { name: 'late-volume' } }],
    });
    await reached('ContainerCreating');
    await inLaterSecondThan('late-volume', 'FailedMount');
    await kubectl(['create', 'configmap', 'late-volume', '--from-literal=k=v']);
    await reached('Running');
    await eventually('Started', async () => (await eventsOf('late-volume')).some(({ reason }) => reason === 'Started'));
    expectGolden('late-volume', await describedEvents('late-volume'), rows());
  });

  test('a variable of a missing config map, then created', async () => {
    const { rows, reached } = await watch('late-variable');
    await create('late-variable', {
      containers: [
        shell(waits, { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late-variable', key: 'k' } } }] }),
      ],
    });
    await reached('CreateContainerConfigError');
    await inLaterSecondThan('late-variable', 'Failed');
    await kubectl(['create', 'configmap', 'late-variable', '--from-literal=k=v']);
    await reached('Running');
    await eventually('Started', async () =>
      (await eventsOf('late-variable')).some(({ reason }) => reason === 'Started'),
    );
    const events = (await describedEvents('late-variable')).map((line) =>
      line.replace(/^(Normal Pulled) x\d+/, '$1 xN'),
    );
    expectGolden('late-variable', events, rows());
  });

  test('a graceful deletion', async () => {
    const { rows, reached } = await watch('deleted');
    await create('deleted', { containers: [shell('trap "sleep 4; exit 0" TERM; while true; do sleep 0.1; done')] });
    await reached('Running');
    await kubectl(['delete', 'pod', 'deleted', '--wait=false']);
    await reached('Terminating');
    await eventually('Killing', async () => (await eventsOf('deleted')).some(({ reason }) => reason === 'Killing'));
    const events = await describedEvents('deleted');
    await kubectl(['wait', '--for=delete', 'pod/deleted', '--timeout=40s']);
    await reached('Completed');
    expectGolden('deleted', events, rows());
  });

  test('a forced deletion', async () => {
    const { rows, reached } = await watch('forced');
    await create('forced', { containers: [shell(waits)] });
    await reached('Running');
    await kubectl(['delete', 'pod', 'forced', '--force', '--grace-period=0']);
    await reached('Terminating');
    await eventually('Killing', async () => (await eventsOf('forced')).some(({ reason }) => reason === 'Killing'));
    const events = (await eventsOf('forced')).map(({ type, reason, count, source, message, involvedObject }) => {
      const field = involvedObject.fieldPath === undefined ? '' : `${involvedObject.fieldPath}: `;
      return shown(type, reason, count, source.component, field + message);
    });
    expectGolden('forced', events, rows());
  });

  test('a deadline that passes', async () => {
    const { rows, reached } = await watch('deadline');
    await create('deadline', {
      restartPolicy: 'Never',
      activeDeadlineSeconds: 3,
      containers: [shell('trap "exit 5" TERM; while true; do sleep 0.1; done')],
    });
    await reached('Error');
    await eventually('Killing', async () => (await eventsOf('deadline')).some(({ reason }) => reason === 'Killing'));
    expectGolden('deadline', await describedEvents('deadline'), rows());
  });

  test('a pod that fits nowhere, until a node is labelled', async () => {
    const { rows, reached } = await watch('fits-later');
    await create('fits-later', { nodeSelector: { fits: 'yes' }, containers: [shell(waits)] });
    await inLaterSecondThan('fits-later', 'FailedScheduling');
    await kubectl(['label', 'node', 'node', 'fits=yes']);
    await reached('Running');
    await eventually('Started', async () => (await eventsOf('fits-later')).some(({ reason }) => reason === 'Started'));
    expectGolden('fits-later', await describedEvents('fits-later'), rows());
  });

  test('every golden was compared', () => {
    expect(
      readdirSync(goldens)
        .filter((name) => name.endsWith('.txt'))
        .sort(),
    ).toEqual([...tried].sort());
  });
});
