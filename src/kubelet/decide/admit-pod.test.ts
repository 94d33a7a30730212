// Tables over what a node has and what is asked of it.
import { expect, test } from 'vitest';
import type { Node, Pod, PodSecurityContext, PodSpec, Taint } from '../../api/generated/types.ts';
import { ableNode } from '../testing/able-node.ts';
import { admitPod, forbiddenPrivilege, type NodeAbilities, wasAdmitted } from './admit-pod.ts';

const node: Node = { status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3', 'x/gpu': '1' } } };
const pod = (requests: Record<string, string> = {}): Pod => ({
  spec: { containers: [{ name: 'c', resources: { requests } }] },
});

test.each<[string, Pod, Pod[], string | undefined]>([
  ['room for all', pod({ cpu: '1500m', memory: '512Mi' }), [pod({ cpu: '500m' })], undefined],
  ['nothing asked', pod(), [pod({ cpu: '2' })], undefined],
  [
    'too many pods',
    pod(),
    [pod(), pod(), pod()],
    "OutOfpods Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  ],
  [
    'cpu',
    pod({ cpu: '1501m' }),
    [pod({ cpu: '500m' })],
    "OutOfcpu Node didn't have enough resource: cpu, requested: 1501, used: 500, capacity: 2000",
  ],
  [
    'memory',
    pod({ memory: '2Gi' }),
    [],
    "OutOfmemory Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
  ],
  [
    'an extended resource',
    pod({ 'x/gpu': '1' }),
    [pod({ 'x/gpu': '1' })],
    "OutOfx/gpu Node didn't have enough resource: x/gpu, requested: 1, used: 1, capacity: 1",
  ],
  ['one that the node does not know, but the cluster may', pod({ 'x/fpga': '1' }), [], undefined],
  [
    'huge pages that the node does not have',
    pod({ 'hugepages-2Mi': '2Mi' }),
    [],
    "OutOfhugepages-2Mi Node didn't have enough resource: hugepages-2Mi, requested: 2097152, used: 0, capacity: 0",
  ],
])('%s', (_, asked, others, refusal) => {
  const verdict = admitPod(asked, others, node, ableNode);
  expect(verdict && `${verdict.reason} ${verdict.message}`).toBe(refusal);
});

const blocked = (key: string, effect: Taint['effect']): Node => ({ ...node, spec: { taints: [{ key, effect }] } });
const labelled: Node = { ...node, metadata: { name: 'n', labels: { zone: 'a' } } };
const rejected = (predicate: string, why: string): string => `${predicate} Predicate ${predicate} failed: ${why}`;
const elsewhere = rejected('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
const untolerated = rejected('TaintToleration', "node(s) had taints that the pod didn't tolerate");
const taken = rejected('NodePorts', "node(s) didn't have free ports for the requested pod ports");
const port = (hostPort: number, more: object = {}): Partial<PodSpec> => ({
  containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...more }] }],
});
const holder: Pod = { spec: { containers: [], ...port(80) } };
const inZone = (value: string): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }],
      },
    },
  },
});
const confined: Pick<PodSecurityContext, 'appArmorProfile'> = { appArmorProfile: { type: 'RuntimeDefault' } };
const notEnforced = 'AppArmor Cannot enforce AppArmor: AppArmor is not enabled on the host';
const sysctl = (name: string): PodSecurityContext => ({ sysctls: [{ name, value: '1' }] });

test.each<[string, Partial<PodSpec>, string | undefined, Node?, Partial<NodeAbilities>?, Partial<Pod>?]>([
  ['its own system', { os: { name: 'linux' } }, undefined],
  [
    'another system',
    { os: { name: 'windows' } },
    "PodOSNotSupported Failed to admit pod as the OS field doesn't match node OS",
  ],
  [
    'the label of another system',
    {},
    "PodOSSelectorNodeLabelDoesNotMatch Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    node,
    {},
    { metadata: { labels: { 'kubernetes.io/os': 'windows' } } },
  ],
  ['a selector that fits', { nodeSelector: { zone: 'a' } }, undefined, labelled],
  ['a selector that does not', { nodeSelector: { zone: 'b' } }, elsewhere, labelled],
  ['a selector of another system', { nodeSelector: { 'kubernetes.io/os': 'windows' } }, elsewhere, labelled],
  ['affinity that fits', inZone('a'), undefined, labelled],
  ['affinity that does not', inZone('b'), elsewhere, labelled],
  ['a host port that is taken', port(80), taken],
  ['another port', port(81), undefined],
  ['the port of another protocol', port(80, { protocol: 'SCTP' }), undefined],
  ['the port on one address only', port(80, { hostIP: '127.0.0.1' }), taken],
  ['a taint that ends pods', {}, untolerated, blocked('k', 'NoExecute')],
  ['one that it tolerates', { tolerations: [{ operator: 'Exists' }] }, undefined, blocked('k', 'NoExecute')],
  ['a taint for the scheduler only', {}, undefined, blocked('k', 'NoSchedule')],
  [
    'a static pod on a tainted node',
    {},
    undefined,
    blocked('k', 'NoExecute'),
    {},
    { metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } },
  ],
  ['a safe sysctl', { securityContext: sysctl('kernel.shm_rmid_forced') }, undefined],
  [
    'an unsafe sysctl',
    { securityContext: sysctl('kernel.msgmax') },
    'SysctlForbidden forbidden sysctl: "kernel.msgmax" not allowlisted',
  ],
  ['Strict groups', { securityContext: { supplementalGroupsPolicy: 'Strict' } }, undefined],
  [
    'Strict groups where the runtime does not know them',
    { securityContext: { supplementalGroupsPolicy: 'Strict' } },
    'SupplementalGroupsPolicyNotSupported SupplementalGroupsPolicy=Strict is not supported in this node',
    node,
    { supplementalGroupsPolicy: false },
  ],
  ['an AppArmor profile', { securityContext: confined }, undefined],
  ['a profile without AppArmor', { securityContext: confined }, notEnforced, node, { appArmor: false }],
  [
    "a container's profile without AppArmor",
    { containers: [{ name: 'c', securityContext: confined }] },
    notEnforced,
    node,
    { appArmor: false },
  ],
  [
    'no profile without AppArmor',
    { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
    undefined,
    node,
    { appArmor: false },
  ],
  [
    'a running pod with a profile',
    { securityContext: confined },
    undefined,
    node,
    { appArmor: false },
    { status: { phase: 'Running' } },
  ],
  [
    'sysctls speak before room, room before place',
    { securityContext: sysctl('vm.x'), nodeSelector: { zone: 'b' } },
    'SysctlForbidden forbidden sysctl: "vm.x" not allowlisted',
  ],
  [
    'room before labels',
    { nodeSelector: { zone: 'b' }, containers: [{ name: 'c', resources: { requests: { cpu: '3' } } }] },
    "OutOfcpu Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
  ],
])('%s', (_, spec, expected, on = node, abilities = {}, fields = {}) => {
  const asked: Pod = { ...fields, spec: { containers: [], ...spec } };
  const refusal = admitPod(asked, [holder], on, { ...ableNode, ...abilities });
  expect(refusal && `${refusal.reason} ${refusal.message}`).toBe(expected);
});

test('before the node is known only what needs none is asked', () => {
  const asked: Pod = { spec: { containers: [], nodeSelector: { zone: 'b' } } };
  expect(admitPod(asked, [], undefined, ableNode)).toBeUndefined();
  const forbidden: Pod = { spec: { containers: [], securityContext: sysctl('kernel.msgmax') } };
  expect(admitPod(forbidden, [], undefined, ableNode)?.reason).toBe('SysctlForbidden');
});

test('privileged containers are named where the node allows none', () => {
  const privileged = { securityContext: { privileged: true } };
  const asked: Pod = {
    metadata: { name: 'p', namespace: 'ns' },
    spec: { initContainers: [{ name: 'a', ...privileged }], containers: [{ name: 'b' }, { name: 'c', ...privileged }] },
  };
  expect(forbiddenPrivilege(asked, ableNode)).toBeUndefined();
  const strict = { ...ableNode, allowPrivileged: false };
  const paths = ['spec.initContainers[0]', 'spec.containers[1]'].map(
    (path) => `${path}.securityContext.privileged: forbidden: this node allows no privileged containers`,
  );
  expect(forbiddenPrivilege(asked, strict)).toBe(`Error validating pod p.ns from api, ignoring: [${paths.join(', ')}]`);
  expect(forbiddenPrivilege(pod(), strict)).toBeUndefined();
});

test('a pod that has started before, or ended, is not asked again', () => {
  expect(wasAdmitted({ status: { startTime: '2026-01-01T00:00:00Z' } })).toBe(true);
  expect(wasAdmitted({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(true);
  expect(wasAdmitted({ status: { phase: 'Failed' } })).toBe(true);
  expect(wasAdmitted({ status: { phase: 'Pending' } })).toBe(false);
});
