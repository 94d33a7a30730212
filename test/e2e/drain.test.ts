// Nodes that are drained by real kubectls: what holds a drain up, what lets it go, and how disruption budgets are made and shown.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type KubectlRunner, kubectlRunner } from '../support/kubectl-runner.ts';
import { allKubectls } from '../support/kubectls.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';

const kubectls = await allKubectls();
const minorOf = (version: string): number => Number(version.split('.')[1]);
const oldest = kubectls.toSorted((a, b) => minorOf(a.version) - minorOf(b.version))[0];
// The old one says the same in other words: a drain that is held up takes a while.
const tried = [...new Set([kubectls[0], ...(process.env['PEAPOD_LONG'] === '1' ? [oldest] : [])])].flatMap(
  (one) => one ?? [],
);

let peapod: Peapod;
let node: string;

beforeAll(async () => {
  peapod = await startPeapod({ runtime: 'simulated' });
  node = (await peapod.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
});
afterAll(async () => {
  await peapod?.dispose();
});

/** A pod that is on its node whatever the scheduler says. */
const podYaml = (name: string, app: string, volumes = ''): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${app}}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: busybox}]
  ${volumes}
---`;

describe.each(tried)('kubectl $version', (binary) => {
  let kubectl: KubectlRunner;
  const makePods = async (...yaml: string[]): Promise<void> => {
    await kubectl(['apply', '-f', '-'], yaml.join(''));
    await kubectl(['wait', 'pod', '--all', '--for=condition=Ready', '--timeout=60s']);
  };
  const names = async (): Promise<string> =>
    (await kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}'])).trim();
  const field = (what: string, path: string): Promise<string> => kubectl(['get', what, '-o', `jsonpath={${path}}`]);
  const drain = (...more: string[]): string[] => ['drain', node, '--force', '--ignore-daemonsets', ...more];
  beforeAll(() => {
    kubectl = kubectlRunner(peapod, binary);
  });
  afterAll(async () => {
    await kubectl.attempt(['uncordon', node]);
    await kubectl.attempt(['delete', 'pods,pdb', '--all', '--force', '--grace-period=0']);
  });

  test('a node is cordoned and uncordoned', async () => {
    expect(await kubectl(['cordon', node])).toBe(`node/${node} cordoned\n`);
    expect(await field(`node/${node}`, '.spec.taints[*].key')).toContain('node.kubernetes.io/unschedulable');
    expect(await kubectl(['get', 'node', node])).toContain('Ready,SchedulingDisabled');
    expect(await kubectl(['uncordon', node])).toBe(`node/${node} uncordoned\n`);
    expect(await field(`node/${node}`, '.spec.unschedulable')).toBe('');
  });

  test('a budget holds a drain up, and lets it go', async () => {
    const budget = ['create', 'pdb', 'web', '--selector=app=web'];
    expect(await kubectl([...budget, '--min-available=2'])).toBe('poddisruptionbudget.policy/web created\n');
    await makePods(podYaml('web-1', 'web'), podYaml('web-2', 'web'), podYaml('other', 'other'));
    await eventually('the pods are counted', async () => (await field('pdb/web', '.status.currentHealthy')) === '2');
    expect(await kubectl(['get', 'pdb', 'web'])).toMatch(
      /^NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\nweb +2 +N\/A +0 +\d+s\n$/,
    );
    const described = await kubectl(['describe', 'pdb', 'web']);
    expect(described).toMatch(/Min available: +2\nSelector: +app=web\nStatus:\n +Allowed disruptions: +0\n/);
    expect(described).toMatch(/Current: +2\n +Desired: +2\n +Total: +2\n/);
    expect(described).toMatch(/Normal +NoPods .*No matching pods found/);

    const unmanaged = await kubectl.attempt(['drain', node]);
    expect(unmanaged.code).toBe(1);
    expect(unmanaged.stderr).toMatch(
      /(cannot delete )?(cannot delete )?Pods .*declare no controller \(use --force to override\)/i,
    );
    await kubectl(['uncordon', node]);
    for (const [how, said] of [
      ['client', 'dry run'],
      ['server', 'server dry run'],
    ] as const) {
      const tried = await kubectl(drain(`--dry-run=${how}`, '--pod-selector=app=other'));
      expect(tried).toContain(`node/${node} cordoned (${said})`);
      expect(tried).toMatch(new RegExp(`(evicting|evicted|drained).*\\(${said}\\)`));
    }
    expect(await names()).toBe('other web-1 web-2');
    expect(await field(`node/${node}`, '.spec.unschedulable')).toBe('');

    const watch = kubectl.background([
      'get',
      'pods',
      '-w',
      '-o',
      'custom-columns=N:.metadata.name,R:.status.conditions[?(@.type=="DisruptionTarget")].reason',
    ]);
    const draining = kubectl.background(drain('--timeout=90s'));
    await eventually('it is held up', () =>
      draining.errors().includes('(will retry after 5s): Cannot evict pod as it would violate'),
    );
    await eventually('the other pod is gone', async () => (await names()) === 'web-1 web-2');
    await kubectl(['patch', 'pdb', 'web', '--type=merge', '-p', '{"spec":{"minAvailable":0}}']);
    expect(await draining.ended(90_000)).toBe(0);
    expect(draining.output()).toMatch(/pod\/web-1 evicted/);
    expect(draining.output()).toContain(`node/${node} drained`);
    expect(await names()).toBe('');
    watch.stop();
    expect(watch.output()).toMatch(/web-1 +EvictionByEvictionAPI/);
    await kubectl(['uncordon', node]);
    await kubectl(['delete', 'pdb', 'web']);
  });

  test('what would be lost holds it up, and a drain without evictions asks no budget', async () => {
    await kubectl(['create', 'pdb', 'all', '--selector=app', '--min-available=100%']);
    await makePods(podYaml('data', 'data', 'volumes: [{name: v, emptyDir: {}}]'));
    const lost = await kubectl.attempt(drain());
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('--delete-emptydir-data')]);
    expect(await names()).toBe('data');
    const gone = await kubectl(
      drain('--delete-emptydir-data', '--disable-eviction', '--grace-period=0', '--timeout=60s'),
    );
    expect(gone).toContain('pod/data deleted');
    expect(await names()).toBe('');
  });
});
