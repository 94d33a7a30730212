import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, KubeObject, ManagedFieldsEntry, ObjectMeta } from '../meta/types.ts';
import { loadSchema } from '../schema/load.ts';
import { compareObjects } from './compare.ts';
import {
  type FieldSet,
  formatFieldsV1,
  intersectSets,
  isEmptySet,
  parseFieldsV1,
  sameSets,
  setOfPaths,
  subtractSets,
  subtractTrees,
  unionSets,
} from './field-set.ts';
import { onlyVersion } from './managed-entries.ts';
import { fieldSetOf } from './object-fields.ts';
import { type ManagedFieldsRequest, managerOf, updateManagedFields } from './update-managed-fields.ts';

const schema = loadSchema();
const definition = 'io.k8s.api.core.v1.Pod';
const start = Date.parse('2026-01-02T03:04:05Z');

interface Sample extends KubeObject {
  metadata: ObjectMeta;
  spec: { containers?: JsonObject[]; [field: string]: unknown };
  status?: JsonObject;
}

/** A write as the registry makes it; gives the object with its new managedFields. */
function write(before: Sample | undefined, after: Sample, options: Partial<ManagedFieldsRequest> = {}): Sample {
  const managedFields = updateManagedFields({
    apiVersion: 'v1',
    views: onlyVersion('v1', schema, definition),
    before,
    after,
    managedFieldsBefore: before?.metadata?.managedFields,
    manager: 'kubectl',
    subresource: '',
    now: start,
    ...options,
  });
  return { ...after, metadata: { ...after.metadata, managedFields } };
}

const pod: Sample = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'nginx',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-01-02T03:04:05Z',
    labels: { run: 'nginx' },
  },
  spec: {
    containers: [
      {
        name: 'nginx',
        image: 'nginx',
        imagePullPolicy: 'Always',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    dnsPolicy: 'ClusterFirst',
    enableServiceLinks: true,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  },
  status: {},
};

test('a created pod has the entry that a real cluster writes', () => {
  expect(write(undefined, pod, { manager: 'kubectl-run' }).metadata.managedFields).toEqual([
    {
      manager: 'kubectl-run',
      operation: 'Update',
      apiVersion: 'v1',
      time: '2026-01-02T03:04:05Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:run': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"nginx"}': {
              '.': {},
              'f:image': {},
              'f:imagePullPolicy': {},
              'f:name': {},
              'f:resources': {},
              'f:terminationMessagePath': {},
              'f:terminationMessagePolicy': {},
            },
          },
          'f:dnsPolicy': {},
          'f:enableServiceLinks': {},
          'f:restartPolicy': {},
          'f:schedulerName': {},
          'f:securityContext': {},
          'f:terminationGracePeriodSeconds': {},
        },
      },
    },
  ]);
});

test("the kubelet's status has an entry of its own, as a real cluster writes it", () => {
  const created = write(undefined, pod);
  const running = {
    ...created,
    status: {
      phase: 'Running',
      hostIP: '10.0.0.1',
      podIPs: [{ ip: '10.42.0.5' }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:06Z' }],
      containerStatuses: [{ name: 'nginx', ready: true, restartCount: 0, image: 'nginx', imageID: 'x', state: {} }],
    },
  };
  const entries = write(created, running, {
    manager: 'kubelet',
    subresource: 'status',
    now: start + 1500,
    resetFields: [['spec']],
  }).metadata.managedFields;
  expect(entries?.map((e) => e.manager)).toEqual(['kubectl', 'kubelet']);
  expect(entries?.[0]).toBe(created.metadata.managedFields?.[0]);
  expect(entries?.[1]).toEqual({
    manager: 'kubelet',
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-02T03:04:06Z',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:status': {
        'f:conditions': {
          '.': {},
          'k:{"type":"Ready"}': {
            '.': {},
            'f:lastProbeTime': {},
            'f:lastTransitionTime': {},
            'f:status': {},
            'f:type': {},
          },
        },
        'f:containerStatuses': {},
        'f:hostIP': {},
        'f:phase': {},
        'f:podIPs': { '.': {}, 'k:{"ip":"10.42.0.5"}': { '.': {}, 'f:ip': {} } },
      },
    },
    subresource: 'status',
  });
  expect(JSON.stringify(entries?.[1])).toMatch(
    /^\{"manager":"kubelet","operation":"Update","apiVersion":"v1","time":"[^"]+","fieldsType":"FieldsV1","fieldsV1":/,
  );
});

test('a deployment owns no empty parents, and its selector as one', () => {
  const deployment = {
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', ports: [{ containerPort: 80, protocol: 'TCP' }] }] },
      },
    },
  };
  const entries = write(undefined, deployment, {
    apiVersion: 'apps/v1',
    views: onlyVersion('apps/v1', schema, 'io.k8s.api.apps.v1.Deployment'),
  }).metadata;
  expect(entries.managedFields?.[0]?.fieldsV1).toEqual({
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:replicas': {},
      'f:selector': {},
      'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"web"}': {
              '.': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
              },
              'f:resources': {},
            },
          },
        },
      },
    },
  });
});

const created = write(undefined, pod);
const withLabel = (object: Sample, labels: Record<string, string>): Sample => ({
  ...object,
  metadata: { ...object.metadata, labels },
});

test('a changed field goes from its old manager to the new one', () => {
  const entries = write(created, withLabel(created, { run: 'other', added: 'x' }), {
    manager: 'editor',
    now: start + 5000,
  }).metadata.managedFields;
  expect(entries?.map((e) => [e.manager, e.time, e.fieldsV1?.['f:metadata']])).toEqual([
    ['kubectl', '2026-01-02T03:04:05Z', { 'f:labels': {} }],
    ['editor', '2026-01-02T03:04:10Z', { 'f:labels': { 'f:added': {}, 'f:run': {} } }],
  ]);
});

test('a removed field leaves its manager, and a manager with nothing left goes', () => {
  const labelled = write(created, withLabel(created, { run: 'nginx', x: '1' }), { manager: 'labeller' });
  expect(labelled.metadata.managedFields).toHaveLength(2);
  const again = write(labelled, withLabel(labelled, { run: 'nginx' }), { manager: 'other', now: start + 9000 });
  expect(again.metadata.managedFields).toEqual(created.metadata.managedFields);
});

test('a write that changes nothing keeps entries and times', () => {
  const again = write(created, structuredClone(created), { manager: 'other', now: start + 60_000 });
  expect(again.metadata.managedFields).toEqual(created.metadata.managedFields);
});

test('who changes a field of his own keeps his fields, at a new time', () => {
  const created = write(undefined, pod);
  const labelled = (run: string): Sample => ({ ...created, metadata: { ...created.metadata, labels: { run } } });
  const [before] = created.metadata.managedFields ?? [];
  const [after, ...more] = write(created, labelled('other'), { now: start + 60_000 }).metadata.managedFields ?? [];
  expect(more).toEqual([]);
  expect(after).toEqual({ ...before, time: '2026-01-02T03:05:05Z' });
  expect(JSON.stringify(after?.fieldsV1)).toBe(JSON.stringify(before?.fieldsV1));
});

test('who takes one field and gives up another owns neither more nor less', () => {
  const created = write(undefined, { ...pod, metadata: { ...pod.metadata, labels: { run: 'nginx', old: 'x' } } });
  const after = write(created, { ...created, metadata: { ...created.metadata, labels: { run: 'other' } } });
  expect(after.metadata.managedFields).toEqual(write(undefined, pod).metadata.managedFields);
});

test('reordering a list of maps changes no owner', () => {
  const object = {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [
        { ...pod.spec.containers?.[0], name: 'a' },
        { ...pod.spec.containers?.[0], name: 'b' },
      ],
    },
  };
  const two = write(undefined, object);
  const swapped = { ...two, spec: { ...two.spec, containers: two.spec.containers!.toReversed() } };
  expect(write(two, swapped, { manager: 'other' }).metadata.managedFields).toEqual(two.metadata.managedFields);
});

test('the server its own metadata belongs to nobody', () => {
  const changed = {
    ...created,
    metadata: {
      ...created.metadata,
      resourceVersion: '9',
      generation: 7,
      uid: 'z',
      creationTimestamp: '2030-01-01T00:00:00Z',
    },
  };
  expect(write(created, changed, { manager: 'other' }).metadata.managedFields).toEqual(created.metadata.managedFields);
});

test.each([[[]], [[{}]]])('managedFields %j resets all managers', (managedFields: ManagedFieldsEntry[]) => {
  const after = { ...created, metadata: { ...created.metadata, managedFields } };
  expect(write(created, after).metadata.managedFields).toEqual([]);
  expect(write(created, after, { subresource: 'status' }).metadata.managedFields).toEqual(
    created.metadata.managedFields,
  );
});

test('entries that are none, or missing, leave the live ones', () => {
  const bad: ManagedFieldsEntry[][] = [
    [{ manager: 'x' }],
    [{ manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { bad: {} } }],
  ];
  const { managedFields, ...metadata } = created.metadata;
  expect(write(created, { ...created, metadata }).metadata.managedFields).toEqual(managedFields);
  for (const entries of bad) {
    const after = { ...created, metadata: { ...metadata, managedFields: entries } };
    expect(write(created, after).metadata.managedFields).toEqual(managedFields);
  }
});

test('a client may write the entries itself', () => {
  const managedFields: ManagedFieldsEntry[] = [
    {
      manager: 'mine',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:metadata': { 'f:labels': { 'f:run': {} } } },
    },
  ];
  expect(
    write(created, { ...created, metadata: { ...created.metadata, managedFields } }).metadata.managedFields,
  ).toEqual(managedFields);
});

test('fields that the endpoint resets are nobody its own', () => {
  const entries = write(undefined, { ...pod, status: { phase: 'Running' } }, { resetFields: [['status']] }).metadata
    .managedFields;
  expect(Object.keys(entries?.[0]?.fieldsV1 ?? {})).toEqual(['f:metadata', 'f:spec']);
});

test('beyond ten updates the oldest are folded', () => {
  let object: Sample = created;
  for (let i = 0; i < 15; i++) {
    const labels = { ...object.metadata.labels, [`l${i}`]: 'x' };
    object = write(object, withLabel(object, labels), { manager: `m${i}`, now: start + 1000 * (i + 1) });
  }
  const entries = object.metadata.managedFields ?? [];
  expect(entries).toHaveLength(10);
  expect(entries[0]?.manager).toBe('ancient-changes');
  expect(entries[0]?.time).toBe('2026-01-02T03:04:11Z');
  expect(entries.slice(1).map((e) => e.manager)).toEqual(['m6', 'm7', 'm8', 'm9', 'm10', 'm11', 'm12', 'm13', 'm14']);
  expect(
    Object.keys((entries[0]!.fieldsV1 as { 'f:metadata': { 'f:labels': object } })['f:metadata']['f:labels']),
  ).toEqual(['.', 'f:l0', 'f:l1', 'f:l2', 'f:l3', 'f:l4', 'f:l5', 'f:run']);
});

test('elements that occur twice are owned as one', () => {
  const env = (...names: string[]): object => ({
    spec: { containers: [{ name: 'c', env: names.map((name, i) => ({ name, value: `${i}` })) }] },
  });
  const at = (difference: FieldSet): unknown => (formatFieldsV1(difference) as JsonObject)['f:spec'];
  const base = (inner: object): object => ({
    'f:containers': { 'k:{"name":"c"}': { 'f:env': { 'k:{"name":"A"}': inner } } },
  });
  const twice = compareObjects(schema, definition, env('A'), env('A', 'A'));
  expect(at(twice.changed)).toEqual(base({}));
  expect(at(twice.removed)).toEqual(base({ '.': {}, 'f:name': {}, 'f:value': {} }));
  const again = compareObjects(schema, definition, env('A', 'A'), env('A', 'A'));
  expect([again.changed, again.removed].every(isEmptySet)).toBe(true);
});

test('finalizers are a set of values', () => {
  const { changed, removed } = compareObjects(
    schema,
    definition,
    { metadata: { finalizers: ['a', 'b/c'] } },
    { metadata: { finalizers: ['b/c', 'd'] } },
  );
  expect(formatFieldsV1(changed)).toEqual({ 'f:metadata': { 'f:finalizers': { 'v:"d"': {} } } });
  expect(formatFieldsV1(removed)).toEqual({ 'f:metadata': { 'f:finalizers': { 'v:"a"': {} } } });
});

test('the set of an applied configuration', () => {
  const set = fieldSetOf(schema, definition, {
    metadata: { labels: { a: '1' }, annotations: {} },
    spec: {
      nodeSelector: { x: 'y' },
      containers: [{ name: 'c', args: ['a'], resources: { limits: { cpu: '1' } } }],
      tolerations: [],
    },
  });
  expect(formatFieldsV1(set)).toEqual({
    'f:metadata': { 'f:annotations': {}, 'f:labels': { 'f:a': {} } },
    'f:spec': {
      'f:containers': {
        'k:{"name":"c"}': { '.': {}, 'f:args': {}, 'f:name': {}, 'f:resources': { 'f:limits': { 'f:cpu': {} } } },
      },
      'f:nodeSelector': {},
      'f:tolerations': {},
    },
  });
});

test('elements are sorted: fields, keys, values, with numbers as numbers', () => {
  const fields = { 'v:"b"': {}, 'v:"a"': {}, 'k:{"p":10}': {}, 'k:{"p":9}': {}, 'f:z': {}, 'f:a': {}, 'f:B': {} };
  expect(Object.keys(formatFieldsV1(parseFieldsV1(fields)))).toEqual([
    'f:B',
    'f:a',
    'f:z',
    'k:{"p":9}',
    'k:{"p":10}',
    'v:"a"',
    'v:"b"',
  ]);
});

test.each([
  [null],
  ['x'],
  [[]],
  [{ x: {} }],
  [{ 'f:a': 1 }],
  [{ 'f:a': { 'k:junk': {} } }],
  [{ 'k:null': {} }],
  [{ 'k:[1]': {} }],
  [{ 'v:junk': {} }],
  [{ 'i:x': {} }],
])('%j is no set', (fields) => {
  expect(() => parseFieldsV1(fields)).toThrow();
});

const element = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'v:1');
const sets = fc.array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 8 }).map(setOfPaths);

test('the algebra of sets holds', () => {
  fc.assert(
    fc.property(sets, sets, sets, (a, b, c) => {
      expect(sameSets(unionSets(a, b), unionSets(b, a))).toBe(true);
      expect(sameSets(unionSets(a, unionSets(b, c)), unionSets(unionSets(a, b), c))).toBe(true);
      expect(sameSets(intersectSets(a, b), subtractSets(a, subtractSets(a, b)))).toBe(true);
      expect(sameSets(unionSets(subtractSets(a, b), intersectSets(a, b)), a)).toBe(true);
      expect(isEmptySet(intersectSets(subtractSets(a, b), b))).toBe(true);
      expect(isEmptySet(subtractSets(a, a))).toBe(true);
      expect(isEmptySet(subtractTrees(a, a))).toBe(true);
      expect(sameSets(parseFieldsV1(formatFieldsV1(a)), a)).toBe(true);
    }),
  );
});

test('managers are named by the user agent where no name is given', () => {
  expect(managerOf('mine', 'kubectl/v1.35')).toBe('mine');
  expect(managerOf(undefined, 'kubectl/v1.35 (linux)')).toBe('kubectl');
  expect(managerOf('', `a\u0007${'b'.repeat(200)}`)).toBe(`a${'b'.repeat(127)}`);
});

test('managers of older times come first, then by name', () => {
  const first = write(created, withLabel(created, { run: 'nginx', a: '1' }), { manager: 'zz' });
  const second = write(first, withLabel(first, { run: 'nginx', a: '1', b: '1' }), { manager: 'aa' });
  expect(second.metadata.managedFields?.map((e) => e.manager)).toEqual(['aa', 'kubectl', 'zz']);
});
