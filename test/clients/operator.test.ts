// An operator of somebody else's framework (@dot-i/k8s-operator) brings its CRD, and drives a custom resource through its life.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { childOfFile } from '../support/in-file.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';
import { run } from '../support/run.ts';

const folder = join(import.meta.dirname, 'operator');
let peapod: Peapod;
let operator: ChildProcess;
let output = '';

beforeAll(async () => {
  // From the network, at times slowly.
  const install = await run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], {
    cwd: folder,
    timeoutMs: 400_000,
  });
  expect(install.code, install.stdout + install.stderr).toBe(0);
  peapod = await startPeapod({ runtime: 'simulated' });
  const env = { ...process.env, KUBECONFIG: join(peapod.dataDir, 'kubeconfig') };
  const program = join(folder, 'operator.mjs');
  operator = childOfFile(spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  for (const stream of [operator.stdout, operator.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
}, 600_000);
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
