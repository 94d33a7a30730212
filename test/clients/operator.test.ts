// An operator of somebody else's framework (@dot-i/k8s-operator) brings its CRD, and drives a custom resource through its life.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';

const folder = join(import.meta.dirname, 'operator');
let peapod: Peapod;
let operator: ChildProcess;
let output = '';

beforeAll(async () => {
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  peapod = await startPeapod({ runtime: 'simulated' });
  operator = spawn(process.execPath, [join(folder, 'operator.mjs')], {
    env: { ...process.env, KUBECONFIG: join(peapod.dataDir, 'kubeconfig') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [operator.stdout, operator.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
});
afterAll(async () => {
  operator?.kill('SIGKILL');
  await peapod?.dispose();
});

const greeting = (name: string): string =>
  JSON.stringify({
    apiVersion: 'operator.peapod.test/v1',
    kind: 'Greeting',
    metadata: { name: 'first' },
    spec: { name },
  });
const text = (): Promise<string> =>
  peapod.kubectl(['get', 'configmap', 'greeting-first', '--ignore-not-found', '-o', 'jsonpath={.data.text}']);

test('it acts on what is made, changed and deleted', async () => {
  await eventually('the operator watches', () => {
    if (operator.exitCode !== null) throw new Error(output);
    return output.includes('watching');
  });
  await peapod.kubectl(['apply', '-f', '-'], { input: greeting('world') });
  await peapod.kubectl(['wait', '--for=jsonpath={.status.phase}=Said', 'greeting/first', '--timeout=60s']);
  expect(await text()).toBe('hello world');
  await peapod.kubectl(['apply', '-f', '-'], { input: greeting('everybody') });
  await eventually('the change is acted on', async () => (await text()) === 'hello everybody');
  await peapod.kubectl(['wait', '--for=jsonpath={.status.observedGeneration}=2', 'greeting/first', '--timeout=60s']);
  await peapod.kubectl(['delete', 'greeting/first', '--timeout=60s']);
  expect(await text()).toBe('');
  expect(operator.exitCode, output).toBeNull();
});
