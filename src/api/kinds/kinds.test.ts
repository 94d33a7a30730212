import { describe, expect, it } from 'vitest';
import { loadSchema } from '../schema/load.ts';
import { fieldErrorText } from '../meta/errors.ts';
import type { KubeObject } from '../meta/types.ts';
import type { AnyKind, StrategyContext } from '../scheme.ts';
import { allKinds } from './all.ts';

const context: StrategyContext = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

function kind(name: string, group = ''): AnyKind {
  const found = allKinds.find((one) => one.kind === name && one.group === group);
  if (!found) throw new Error(name);
  return found;
}

/** Defaults, prepares and validates as the registry does. */
function create(
  name: string,
  object: object,
  group = '',
): { object: KubeObject & Record<string, unknown>; errors: string[]; warnings: string[] } {
  const definition = kind(name, group);
  const meta = definition.namespaced ? { name: 'x', namespace: 'default' } : { name: 'x' };
  const made: KubeObject & Record<string, unknown> = { metadata: meta, ...object };
  definition.defaults?.(made);
  definition.strategy.prepareForCreate?.(made, context);
  const errors = definition.strategy.validateCreate(made, context).map(fieldErrorText);
  return { object: made, errors, warnings: definition.strategy.warnings?.(made, undefined) ?? [] };
}

function update(name: string, before: object, after: object): string[] {
  const { strategy } = kind(name);
  const meta = { name: 'x', namespace: 'default', resourceVersion: '1' };
  const [old, next] = [
    { metadata: { ...meta }, ...before },
    { metadata: { ...meta }, ...after },
  ];
  strategy.prepareForUpdate?.(next, old, context);
  return strategy.validateUpdate(next, old, context).map(fieldErrorText);
}

describe('every kind', () => {
  it.each(allKinds.map((one) => [`${one.group}/${one.kind}`, one] as const))(
    '%s is in the schema under its names',
    (_, one) => {
      const definition = loadSchema().definitions[one.definition];
      expect(definition?.gvk).toContainEqual({ group: one.group, version: one.version, kind: one.kind });
      const labels = one.selectableFields?.({
        metadata: {},
        spec: {},
        status: {},
        involvedObject: {},
        regarding: {},
      } as KubeObject);
      expect(Object.keys(labels ?? {}).sort()).toEqual([...(one.fieldLabels ?? [])].sort());
    },
  );
});

describe('Namespace', () => {
  it('gets its label, its finalizer and its phase', () => {
    expect(create('Namespace', {}).object).toEqual({
      metadata: { name: 'x', labels: { 'kubernetes.io/metadata.name': 'x' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });
});

describe('ConfigMap', () => {
  it.each([
    [{ data: { a: 'b' } }, []],
    [
      { data: { a: 'b' }, binaryData: { a: 'Yg==' } },
      ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ],
    [{ data: { a: 'x'.repeat(1024 * 1024 + 1) } }, ['[]: Too long: may not be more than 1048576 bytes']],
    [{ data: { '..': 'x' } }, [`data[..]: Invalid value: "..": must not be '..'`]],
  ])('%#', (object, errors) => {
    expect(create('ConfigMap', object).errors).toEqual(errors);
  });
  it('stays as it is once immutable', () => {
    const old = { immutable: true, data: { a: '1' } };
    expect(update('ConfigMap', old, { data: { a: '2' } })).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
    expect(update('ConfigMap', old, old)).toEqual([]);
  });
});

describe('warnings', () => {
  const old = 'beta.kubernetes.io/arch';
  const deprecated = 'deprecated since v1.14; use "kubernetes.io/arch" instead';
  const port = { containerPort: 1 };
  const reserved =
    'metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API';
  it.each<[string, string, object, string]>([
    [
      'StorageClass',
      'storage.k8s.io',
      { provisioner: 'x', allowedTopologies: [{ matchLabelExpressions: [{ key: old, values: ['a'] }] }] },
      `allowedTopologies[0].matchLabelExpressions[0].key: ${deprecated}`,
    ],
    [
      'RuntimeClass',
      'node.k8s.io',
      { handler: 'a', scheduling: { nodeSelector: { 'node-role.kubernetes.io/master': '' } } },
      'scheduling.nodeSelector: use "node-role.kubernetes.io/control-plane" instead',
    ],
    [
      'CSIStorageCapacity',
      'storage.k8s.io',
      { storageClassName: 'a', nodeTopology: { matchLabels: { [old]: 'a' } } },
      `nodeTopology.matchLabels.${old}: ${deprecated}`,
    ],
    [
      'CSIStorageCapacity',
      'storage.k8s.io',
      { storageClassName: 'a', nodeTopology: { matchExpressions: [{ key: old, operator: 'Exists' }] } },
      `nodeTopology.matchExpressions[0].key: ${old} is ${deprecated}`,
    ],
    [
      'PodTemplate',
      '',
      { template: { spec: { containers: [{ name: 'a', image: 'b', ports: [port, port] }] } } },
      'template.spec.containers[0].ports[1]: duplicate port definition with template.spec.containers[0].ports[0]',
    ],
    ...[
      'ValidatingWebhookConfiguration',
      'MutatingWebhookConfiguration',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
      'MutatingAdmissionPolicy',
      'MutatingAdmissionPolicyBinding',
    ].map((name): [string, string, object, string] => [
      name,
      'admissionregistration.k8s.io',
      { metadata: { name: 'x.static.k8s.io' } },
      reserved,
    ]),
    [
      'Secret',
      '',
      { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'a', 'tls.key': 'b' } },
      'tls: failed to find any PEM data in certificate input',
    ],
    [
      'Secret',
      '',
      { type: 'kubernetes.io/service-account-token' },
      'type: accepted but not acted on: nobody puts a token in; kubectl create token gives one',
    ],
  ])('%s %s', (name, group, object, warning) => {
    const { warnings } = create(name, object, group);
    expect(warnings.filter((text) => text === warning || !text.includes('not acted on'))).toEqual([warning]);
  });
});

describe('Secret', () => {
  it('folds stringData into data', () => {
    const { object, errors } = create('Secret', { data: { a: 'MQ==' }, stringData: { a: '2', b: 'é' } });
    expect(object).toEqual({
      metadata: { name: 'x', namespace: 'default' },
      type: 'Opaque',
      data: { a: 'Mg==', b: 'w6k=' },
    });
    expect(errors).toEqual([]);
  });
  it.each([
    ['kubernetes.io/tls', {}, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
    ['kubernetes.io/basic-auth', {}, ['data[username]: Required value', 'data[password]: Required value']],
    ['kubernetes.io/basic-auth', { username: 'YQ==' }, []],
    ['kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }, ['data[ssh-privatekey]: Required value']],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'e30=' }, []],
    ['kubernetes.io/dockerconfigjson', {}, ['data[.dockerconfigjson]: Required value']],
    [
      'kubernetes.io/service-account-token',
      {},
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
  ])('%s %j', (type, data, errors) => {
    expect(create('Secret', { type, data }).errors).toEqual(errors);
  });
  it('never shows its contents and keeps its type', () => {
    const broken = create('Secret', {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'c2VjcmV0' },
    });
    expect(broken.errors.join()).toContain('<secret contents redacted>');
    expect(broken.errors.join()).not.toContain('secret"');
    expect(update('Secret', { type: 'a' }, { type: 'b' })).toEqual(['type: Invalid value: "b": field is immutable']);
  });
});

describe('Event', () => {
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
  it('takes what the old recorder sends, and wants the namespaces to agree', () => {
    expect(create('Event', { involvedObject, reason: 'R', message: 'm' }).errors).toEqual([]);
    expect(create('Event', { involvedObject: { ...involvedObject, namespace: 'other' } }).errors).toEqual([
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ]);
  });
  it('is strict in events.k8s.io', () => {
    expect(
      create('Event', { regarding: involvedObject, type: 'Odd', deprecatedCount: 1 }, 'events.k8s.io').errors,
    ).toEqual([
      'eventTime: Required value',
      'type: Invalid value: "": has invalid value: Odd',
      'count: Invalid value: "": needs to be unset',
    ]);
  });
  it('is one object in both groups', () => {
    const newer = kind('Event', 'events.k8s.io').storage;
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'e' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      regarding: involvedObject,
      note: 'n',
      reason: 'R',
      type: 'Normal',
      reportingController: 'c',
      reportingInstance: 'i',
      action: 'A',
      series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
    };
    const stored = newer?.toStorage(event);
    expect(stored).toMatchObject({ apiVersion: 'v1', involvedObject, message: 'n', reportingComponent: 'c' });
    expect(newer?.fromStorage(stored ?? {})).toEqual(event);
  });
  it('prints its row', () => {
    const now = Date.UTC(2026, 0, 1, 0, 1, 0);
    const event = {
      metadata: { name: 'e' },
      involvedObject,
      type: 'Warning',
      reason: 'BackOff',
      message: ' text ',
      count: 4,
      lastTimestamp: '2026-01-01T00:00:50Z',
      firstTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'kubelet', host: 'n' },
    };
    expect(kind('Event').columns?.map((column) => column.cell(event, now))).toEqual([
      '10s',
      'Warning',
      'BackOff',
      'pod/p',
      '',
      'kubelet, n',
      'text',
      '60s',
      4,
      'e',
    ]);
  });
});

describe('Node', () => {
  it('prints its row', () => {
    const node = {
      metadata: {
        name: 'n',
        labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'a' },
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'False' }],
        nodeInfo: { kubeletVersion: 'v1' },
        addresses: [{ type: 'InternalIP', address: '1.2.3.4' }],
      },
    };
    expect(kind('Node').columns?.map((column) => column.cell(node, Date.UTC(2026, 0, 1, 1)))).toEqual([
      'n',
      'NotReady,SchedulingDisabled',
      'a,worker',
      '60m',
      'v1',
      '1.2.3.4',
      '<none>',
      '<unknown>',
      '<unknown>',
      '<unknown>',
    ]);
  });
  it('takes its pod CIDR from either field; the lone one counts', () => {
    expect(create('Node', { spec: { podCIDR: '10.0.0.0/24' } }).object).toHaveProperty('spec.podCIDRs', [
      '10.0.0.0/24',
    ]);
    expect(create('Node', { spec: { podCIDRs: ['10.0.0.0/24'] } }).object).toHaveProperty(
      'spec.podCIDR',
      '10.0.0.0/24',
    );
    expect(create('Node', { spec: { podCIDR: '010.0.0.0/24' } }).errors).toEqual([
      'spec.podCIDRs[0]: Invalid value: "010.0.0.0/24": must not have leading 0s in IP or prefix length',
    ]);
    const both = { podCIDR: '10.1.0.0/24', podCIDRs: ['10.0.0.0/24'] };
    expect(create('Node', { spec: both }).object).toHaveProperty('spec.podCIDRs', ['10.1.0.0/24']);
  });
  it('keeps its pod CIDR and its taints unique', () => {
    expect(update('Node', { spec: { podCIDRs: ['10.0.0.0/24'] } }, { spec: { podCIDRs: [] } })).toContain(
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    );
    expect(create('Node', { spec: { taints: [{ key: 'a', effect: 'Odd' }] } }).errors).toEqual([
      'metadata.taints[0].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ]);
  });
});

describe('Lease and Binding', () => {
  it('check their fields', () => {
    expect(
      create('Lease', { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }, 'coordination.k8s.io').errors,
    ).toEqual([
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ]);
    expect(create('Binding', { target: { kind: 'Pod' } }).errors).toEqual([
      'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
      'target.name: Required value',
    ]);
  });
});

describe('members that must be there', () => {
  it('are empty rather than missing, so that validation speaks of them', () => {
    const spec = {
      containers: [{ env: [{}], ports: [{}], volumeMounts: [{}], livenessProbe: { httpGet: {} } }],
      tolerations: [{}],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{}] }] },
        },
      },
      topologySpreadConstraints: [{}],
      volumes: [{ hostPath: {} }, { name: 'v', configMap: { items: [{}] } }],
      securityContext: { sysctls: [{}] },
    };
    const { errors } = create('Pod', { spec });
    expect(errors).toContain('spec.containers[0].name: Required value');
    expect(errors).toContain('spec.containers[0].env[0].name: Required value');
    expect(errors).toContain('spec.volumes[0].hostPath.path: Required value');
    expect(create('Pod', {}).errors).toContain('spec.containers: Required value');
    expect(create('Binding', {}).errors).toEqual(['target.name: Required value']);
    expect(create('Node', { spec: { taints: [{}] } }).errors).toContain('metadata.taints[0].effect: Required value');
    expect(create('Event', {}).errors).toEqual([]);
  });
});
