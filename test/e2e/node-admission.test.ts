// What a node refuses of the pods that it is given: each ends Failed with Kubernetes' reason, or is left Pending.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event, Pod, PodSpec } from '../../src/api/generated/types.ts';
import { eventually } from '../support/eventually.ts';
import { noContainers, type Peapod, startPeapod } from '../support/peapod.ts';
import { run } from '../support/run.ts';

/** A machine that enforces profiles refuses none. */
const hasAppArmor = existsSync('/sys/module/apparmor');

let peapod: Peapod;
let node: string;

/** A pod that names the node itself, so that no scheduler looks at it. */
const bound = (name: string, spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'busybox', command: ['sleep', '600'] }],
    ...spec,
  },
});

async function apply(...pods: Pod[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: pods };
  await peapod.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
}

const get = async (name: string): Promise<Pod> =>
  JSON.parse(await peapod.kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;

const warnings = async (name: string): Promise<string[]> => {
  const selector = `involvedObject.name=${name},type=Warning`;
  const { items } = JSON.parse(await peapod.kubectl(['get', 'events', '--field-selector', selector, '-o', 'json'])) as {
    items: Event[];
  };
  return items.map(({ reason, message }) => `${reason}: ${message}`);
};

const phaseOf = (name: string, phase: string): Promise<Pod> =>
  eventually(`${name} is ${phase}`, async () => {
    const pod = await get(name);
    if (pod.status?.phase !== phase) throw new Error(JSON.stringify(pod.status));
    return pod;
  });

/** The pod fails with that reason and message, which the event says too, and nothing of it was started. */
async function refused(name: string, reason: string, message: string): Promise<void> {
  const { status } = await phaseOf(name, 'Failed');
  expect([status?.reason, status?.message]).toEqual([reason, `Pod was rejected: ${message}`]);
  expect(status?.containerStatuses).toBeUndefined();
  await eventually(`the event of ${name}`, async () => (await warnings(name)).includes(`${reason}: ${message}`));
}

const container = (more: object): Partial<PodSpec> => ({
  containers: [{ name: 'c', image: 'busybox', command: ['sleep', '600'], ...more }],
});
const httpPort = container({ ports: [{ containerPort: 80, hostPort: 18_480 }] });

describe.skipIf(noContainers)('a node', () => {
  beforeAll(async () => {
    // Taint eviction would delete what the node refuses before the test has seen it.
    const controllers = ['--controllers', '*,-taint-eviction-controller'];
    const sysctls = ['--allowed-unsafe-sysctls', 'kernel.msg*,net.core.somaxconn'];
    peapod = await startPeapod({ args: [...controllers, ...sysctls] });
    node = (await peapod.kubectl(['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
  }, 180_000);
  afterAll(() => peapod?.dispose(), 120_000);

  test('refuses what does not fit, with the reason in status and event', async () => {
    await apply(bound('holder', httpPort));
    await phaseOf('holder', 'Running');
    await apply(
      bound('room', container({ resources: { requests: { cpu: '1k' } } })),
      bound('port', httpPort),
      bound('selector', { nodeSelector: { disk: 'ssd' } }),
      bound('os', { os: { name: 'windows' } }),
      bound('os-label', {}, { labels: { 'kubernetes.io/os': 'windows' } }),
      bound('sysctl', { securityContext: { sysctls: [{ name: 'kernel.sem', value: '1' }] } }),
      bound('groups', { securityContext: { supplementalGroupsPolicy: 'Strict' } }),
      ...(hasAppArmor ? [] : [bound('apparmor', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } })]),
    );
    const { status } = JSON.parse(await peapod.kubectl(['get', 'node', node, '-o', 'json'])) as {
      status: { capacity: { cpu: string } };
    };
    const capacity = Number(status.capacity.cpu) * 1000;
    const cpu = `Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: ${capacity}`;
    await Promise.all([
      refused('room', 'OutOfcpu', cpu),
      refused(
        'port',
        'NodePorts',
        "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      ),
      refused(
        'selector',
        'NodeAffinity',
        "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
      ),
      refused('os', 'PodOSNotSupported', "Failed to admit pod as the OS field doesn't match node OS"),
      refused(
        'os-label',
        'PodOSSelectorNodeLabelDoesNotMatch',
        "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
      ),
      refused('sysctl', 'SysctlForbidden', 'forbidden sysctl: "kernel.sem" not allowlisted'),
      refused(
        'groups',
        'SupplementalGroupsPolicyNotSupported',
        'SupplementalGroupsPolicy=Strict is not supported in this node',
      ),
      ...(hasAppArmor
        ? []
        : [refused('apparmor', 'AppArmor', 'Cannot enforce AppArmor: AppArmor is not enabled on the host')]),
    ]);
    // SCTP has ports of its own: one is passed on to its pod, and taken for others.
    const sctp = container({ ports: [{ containerPort: 90, hostPort: 18_480, protocol: 'SCTP' }] });
    await apply(bound('sctp', sctp));
    const { status: running } = await phaseOf('sctp', 'Running');
    const { stdout: rules } = await run(['nft', 'list', 'ruleset']);
    expect(rules).toMatch(new RegExp(`sctp dport 18480 .*dnat to ${running?.podIP}:90\\b`));
    await apply(bound('sctp-again', sctp));
    await refused(
      'sctp-again',
      'NodePorts',
      "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    );
    // A pod that the same port would suit runs once its holder is gone, and STATUS is the reason.
    expect(await peapod.kubectl(['get', 'pod', 'port', '--no-headers'])).toMatch(/^port\s+0\/1\s+NodePorts\s/);
    await peapod.kubectl(['delete', 'pod', 'holder', 'port']);
    await apply(bound('port', httpPort));
    await phaseOf('port', 'Running');
  }, 90_000);

  test('ends others for a pod that it cannot do without', async () => {
    const cpu = await peapod.kubectl(['get', 'node', node, '-o', 'jsonpath={.status.allocatable.cpu}']);
    await apply(bound('filler', container({ resources: { requests: { cpu: cpu.trim() } } })), bound('modest'));
    await Promise.all([phaseOf('filler', 'Running'), phaseOf('modest', 'Running')]);
    const needed = container({ resources: { requests: { cpu: '100m' } } });
    await apply(bound('needed', { ...needed, priorityClassName: 'system-node-critical' }));
    await phaseOf('needed', 'Running');
    const message = 'Preempted in order to admit critical pod';
    expect((await phaseOf('filler', 'Failed')).status).toMatchObject({ reason: 'Preempting', message });
    expect(await warnings('filler')).toContain(`Preempting: ${message}`);
    expect((await get('modest')).status?.phase).toBe('Running');
    await peapod.kubectl(['delete', 'pod', 'filler', 'modest', 'needed', '--now']);
  }, 90_000);

  test('minds its labels and taints as they are now, for new pods only', async () => {
    await peapod.kubectl(['label', 'node', node, 'disk=ssd']);
    await apply(bound('labelled', { nodeSelector: { disk: 'ssd' } }));
    await phaseOf('labelled', 'Running');
    await peapod.kubectl(['label', 'node', node, 'disk-']);
    await peapod.kubectl(['taint', 'node', node, 'gone=yes:NoExecute']);
    const tolerations = [{ key: 'gone', operator: 'Exists' as const, effect: 'NoExecute' as const }];
    await apply(bound('tainted'), bound('tolerant', { tolerations }));
    const message = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
    await Promise.all([refused('tainted', 'TaintToleration', message), phaseOf('tolerant', 'Running')]);
    await peapod.kubectl(['taint', 'node', node, 'gone-']);
  }, 90_000);

  test('sets safe sysctls, and those that it was told to allow, in the namespaces of the pod', async () => {
    const sysctls = [
      { name: 'kernel.shm_rmid_forced', value: '1' },
      { name: 'net/ipv4/ip_unprivileged_port_start', value: '77' },
      { name: 'kernel.msgmax', value: '4096' },
      { name: 'net.core.somaxconn', value: '333' },
    ];
    const command = [
      'sh',
      '-c',
      'cd /proc/sys; cat kernel/shm_rmid_forced net/ipv4/ip_unprivileged_port_start kernel/msgmax net/core/somaxconn',
    ];
    await apply(
      bound('sysctls', { securityContext: { sysctls }, restartPolicy: 'Never', ...container({ command }) }),
      bound('others', { restartPolicy: 'Never', ...container({ command }) }),
    );
    await Promise.all([phaseOf('sysctls', 'Succeeded'), phaseOf('others', 'Succeeded')]);
    expect((await peapod.kubectl(['logs', 'sysctls'])).split('\n')).toEqual(['1', '77', '4096', '333', '']);
    expect((await peapod.kubectl(['logs', 'others'])).split('\n')).not.toContain('77');
  }, 90_000);

  test('started again, leaves privileged pods alone where it is told to allow none', async () => {
    await apply(bound('before'));
    await phaseOf('before', 'Running');
    await peapod.kill9();
    await peapod.restart(['--node-allow-privileged', 'false']);
    await apply(bound('privileged', container({ securityContext: { privileged: true } })), bound('after'));
    await phaseOf('after', 'Running');
    const path = 'spec.containers[0].securityContext.privileged';
    const text = await eventually('the event', async () => {
      const described = await peapod.kubectl(['describe', 'pod', 'privileged']);
      return described.includes('FailedValidation') ? described : undefined;
    });
    expect(text).toMatch(/^Status:\s+Pending$/m);
    expect(text).toContain(`Error validating pod privileged.default from api, ignoring: ${path}: forbidden`);
    expect((await get('privileged')).status?.containerStatuses).toBeUndefined();
    expect((await get('before')).status?.containerStatuses?.[0]?.restartCount).toBe(0);
    await peapod.kubectl(['delete', 'pod', 'privileged', '--timeout=20s']);
    // Nor does a privileged container join a pod that runs.
    const late = { name: 'late', image: 'busybox', command: ['true'], securityContext: { privileged: true } };
    await peapod.kubectl([
      'patch',
      'pod',
      'after',
      '--subresource=ephemeralcontainers',
      '-p',
      JSON.stringify({ spec: { ephemeralContainers: [late] } }),
    ]);
    await eventually('the container is refused', async () => {
      const waiting = (await get('after')).status?.ephemeralContainerStatuses?.[0]?.state?.waiting;
      return waiting?.message === 'container "late": this node allows no privileged containers' && waiting.reason;
    });
  }, 120_000);

  test('is not started with a sysctl that belongs to no pod', async () => {
    const result = await peapod.command(['up', '--runtime', 'containerd', '--allowed-unsafe-sysctls', 'vm.swappiness']);
    expect([result.code, result.stderr]).toEqual([
      1,
      expect.stringContaining('the sysctl "vm.swappiness" are not known to be namespaced'),
    ]);
  });
});
