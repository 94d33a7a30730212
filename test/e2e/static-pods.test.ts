// Static pods on real containers: mirror pods in the API, changes of the files, and a life without any API server.
import { realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRuntime } from '../../src/cri/grpc/connect-runtime.ts';
import { readPidFile } from '../../src/host/daemon.ts';
import { instanceOf } from '../../src/host/instance.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
const args = ['--on-exit', 'keep', '--node-name', 'n1'];

const manifest = (name: string, says: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: c
    image: busybox:1.28
    command: [sh, -c, 'echo ${says}; trap "exit 0" TERM; while :; do sleep 0.1; done']
`;
const write = (name: string, says: string): void =>
  writeFileSync(join(peapod.dataDir, 'manifests', `${name}.yaml`), manifest(name, says));
const remove = (name: string): void => rmSync(join(peapod.dataDir, 'manifests', `${name}.yaml`));

const jsonpath = async (pod: string, path: string): Promise<string> =>
  await peapod.kubectl(['get', 'pod', pod, '-o', `jsonpath=${path}`]);
const ready = async (pod: string): Promise<void> => {
  await eventually(`${pod} is shown`, async () => (await peapod.tryKubectl(['get', 'pod', pod])).code === 0, 30_000);
  await peapod.kubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']);
};

/** Ids of running containers by the names of their pods, as the runtime itself has them. */
async function running(): Promise<Record<string, string>> {
  const { containerdSocket } = instanceOf(realpathSync(peapod.dataDir));
  const connection = connectRuntime(containerdSocket, realClock);
  try {
    const containers = await connection.runtime.listContainers({ state: 'running' });
    return Object.fromEntries(containers.map(({ id, labels }) => [labels['io.kubernetes.pod.name'] ?? '', id]));
  } finally {
    connection.close();
  }
}

describe.skipIf(noContainers)(`static pods${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  beforeAll(async () => {
    peapod = await startPeapod({ args });
  });
  afterAll(async () => peapod?.dispose());

  test('a file becomes a pod with a mirror pod, which logs and exec reach', async () => {
    write('web', 'one');
    await ready('web-n1');
    const hash = await jsonpath('web-n1', '{.metadata.annotations.kubernetes\\.io/config\\.hash}');
    expect(await jsonpath('web-n1', '{.metadata.annotations.kubernetes\\.io/config\\.mirror}')).toBe(hash);
    expect(await jsonpath('web-n1', '{.metadata.ownerReferences[0].kind}')).toBe('Node');
    expect(await peapod.kubectl(['logs', 'web-n1'])).toBe('one\n');
    expect(await peapod.kubectl(['exec', 'web-n1', '--', 'hostname'])).toBe('web-n1\n');
    expect(await peapod.kubectl(['describe', 'pod', 'web-n1'])).toMatch(/Started .*kubelet.*Container started/);
  });

  test('deleting the mirror does not touch the pod', async () => {
    const uid = await jsonpath('web-n1', '{.metadata.uid}');
    const before = await running();
    // The next one of that name is there at once, as upstream: kubectl, which waits by name, may miss that there was none between.
    await peapod.kubectl(['delete', 'pod', 'web-n1', '--wait=false']);
    await eventually('another mirror', async () => (await jsonpath('web-n1', '{.metadata.uid}')) !== uid);
    await ready('web-n1');
    expect(await running()).toEqual(before);
  });

  test('without an API server everything goes on, also over kill -9 of Peapod and containerd', async () => {
    await peapod.kubectl(['run', 'ordinary', '--image=busybox:1.28', '--', 'sleep', '600']);
    await ready('ordinary');
    const before = await running();
    const daemon = await readPidFile(instanceOf(realpathSync(peapod.dataDir)).containerdPidFile);
    await peapod.kill9();
    process.kill(daemon?.pid ?? 0, 'SIGKILL');
    write('more', 'hello');
    await peapod.restart([...args, '--without-api']);
    expect((await peapod.command(['status'])).stdout).toContain('without an API');
    await eventually('a new static pod', async () => 'more-n1' in (await running()));
    expect(await running()).toMatchObject(before);
    write('web', 'two');
    await eventually('the changed pod', async () => {
      const now = await running();
      return now['web-n1'] !== undefined && now['web-n1'] !== before['web-n1'];
    });
    const held = await running();
    expect(Object.keys(held).toSorted()).toEqual(['more-n1', 'ordinary', 'web-n1']);

    await peapod.kill9();
    await peapod.restart(args);
    await Promise.all([ready('web-n1'), ready('more-n1'), ready('ordinary')]);
    expect(await peapod.kubectl(['logs', 'web-n1'])).toBe('two\n');
    expect(await running()).toEqual(held);
  });

  test('a removed file ends the pod and its mirror', async () => {
    remove('more');
    await peapod.kubectl(['wait', '--for=delete', 'pod/more-n1', '--timeout=30s']);
    expect(Object.keys(await running()).toSorted()).toEqual(['ordinary', 'web-n1']);
  });
});
