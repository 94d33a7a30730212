import { expect, test } from 'vitest';
import { isApiError } from '../meta/errors.ts';
import { type KubeObject, type ManagedFieldsEntry, parseApiVersion } from '../meta/types.ts';
import { cloneTree, type Tree } from '../patch/json-tree.ts';
import { checkObject } from '../schema/decode.ts';
import { loadSchema } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { fillUnsetFields } from '../schema/unset-fields.ts';
import { applyConfiguration, type ApplyRequest } from './apply-configuration.ts';
import { onlyVersion } from './managed-entries.ts';
import { updateManagedFields } from './update-managed-fields.ts';

const schema = loadSchema();
const start = Date.parse('2026-01-02T03:04:05Z');
const kinds: Readonly<Record<string, { apiVersion: string; definition: string }>> = {
  ConfigMap: { apiVersion: 'v1', definition: 'io.k8s.api.core.v1.ConfigMap' },
  Pod: { apiVersion: 'v1', definition: 'io.k8s.api.core.v1.Pod' },
  Service: { apiVersion: 'v1', definition: 'io.k8s.api.core.v1.Service' },
  Node: { apiVersion: 'v1', definition: 'io.k8s.api.core.v1.Node' },
  Deployment: { apiVersion: 'apps/v1', definition: 'io.k8s.api.apps.v1.Deployment' },
};

/** An object and its managers, changed by one write after the other as the registry would. */
class Live {
  object: KubeObject | undefined;
  now = start;
  readonly kind: string;

  constructor(kind: string) {
    this.kind = kind;
  }

  private get request(): Pick<ApplyRequest, 'group' | 'version' | 'kind' | 'views'> & { apiVersion: string } {
    const { apiVersion, definition } = kinds[this.kind] ?? { apiVersion: '', definition: '' };
    return {
      ...parseApiVersion(apiVersion),
      kind: this.kind,
      apiVersion,
      views: onlyVersion(apiVersion, schema, definition),
    };
  }

  private store(object: KubeObject, managedFields: ManagedFieldsEntry[]): this {
    const { definition = '' } = kinds[this.kind] ?? {};
    const stored = cloneTree(object);
    expect(checkObject(schema, definition, stored)).toEqual({ unknownFields: [] });
    fillUnsetFields(schema, definition, stored);
    this.object = { ...stored, metadata: { ...stored.metadata, uid: 'u', managedFields } };
    this.now += 1000;
    return this;
  }

  config(fields: Tree): Tree {
    const { apiVersion } = this.request;
    const metadata = { name: 'x', ...(fields['metadata'] as Tree | undefined) };
    return { apiVersion, kind: this.kind, ...fields, metadata };
  }

  apply(manager: string, fields: Tree, more: Partial<ApplyRequest> = {}): this {
    const made = applyConfiguration({
      ...this.request,
      live: this.object,
      config: this.config(fields),
      manager,
      force: false,
      subresource: '',
      now: this.now,
      ...more,
    });
    return this.store(made.object as KubeObject, made.managedFields);
  }

  update(manager: string, change: (object: Tree) => Tree, subresource = ''): this {
    const after = change(cloneTree(this.object ?? this.config({})) as Tree) as KubeObject;
    const managedFields = updateManagedFields({
      ...this.request,
      before: this.object,
      after,
      managedFieldsBefore: this.object?.metadata?.managedFields,
      manager,
      subresource,
      now: this.now,
    });
    return this.store(after, managedFields);
  }

  /** The entries, each on a line: manager, operation, and its fields as JSON. */
  get owners(): string[] {
    return (this.object?.metadata?.managedFields ?? []).map(
      ({ manager, operation, subresource, fieldsV1 }) =>
        `${manager} ${operation}${subresource ? ` ${subresource}` : ''} ${JSON.stringify(fieldsV1).replaceAll('"f:', '"')}`,
    );
  }

  part(...path: string[]): unknown {
    return path.reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], this.object);
  }
}

const cm = () => new Live('ConfigMap');
const data = (fields: Tree): Tree => ({ data: fields });

/** What a write fails with: code and message. */
function failure(write: () => unknown): string {
  try {
    write();
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no failure';
}

test('what is applied belongs to its manager, and what it gives up goes', () => {
  const live = cm().apply('one', data({ a: '1', b: '2' }));
  expect(live.owners).toEqual(['one Apply {"data":{"a":{},"b":{}}}']);
  live.apply('one', data({ a: '1', c: '3' }));
  expect(live.part('data')).toEqual({ a: '1', c: '3' });
  expect(live.owners).toEqual(['one Apply {"data":{"a":{},"c":{}}}']);
  live.apply('one', {});
  expect(live.part('data')).toBeUndefined();
  expect(live.owners).toEqual([]);
});

test('a field with another value is a conflict for everyone but its only owner', () => {
  const live = cm().apply('one', data({ a: '1', b: '2' }));
  expect(failure(() => live.apply('two', data({ a: '9' })))).toBe(
    '409 Apply failed with 1 conflict: conflict with "one": .data.a',
  );
  live.update('editor', (object) => ({ ...object, data: { a: '1', b: '3' } }));
  expect(live.owners).toEqual(['one Apply {"data":{"a":{}}}', 'editor Update {"data":{"b":{}}}']);
  expect(failure(() => live.apply('one', data({ a: '2', b: '2' })))).toBe(
    '409 Apply failed with 1 conflict: conflict with "editor" using v1: .data.b',
  );
  live.apply('one', data({ a: '2', b: '3' }));
  expect(live.owners).toEqual(['one Apply {"data":{"a":{},"b":{}}}', 'editor Update {"data":{"b":{}}}']);
});

test('several conflicts are listed by manager, each with a cause of its own', () => {
  const live = cm()
    .apply('one', data({ a: '1', b: '2' }))
    .update('other', (object) => ({ ...object, immutable: false }), 'status');
  const write = () => live.apply('two', { immutable: true, data: { a: '9', b: '9' } });
  expect(failure(write)).toBe(
    '409 Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "other" with subresource "status" using v1:\n- .immutable',
  );
  expect(write).toThrow(
    expect.objectContaining({
      status: expect.objectContaining({
        reason: 'Conflict',
        details: {
          causes: [
            { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
            { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.b' },
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "other" with subresource "status" using v1',
              field: '.immutable',
            },
          ],
        },
      }),
    }),
  );
});

test('force takes the field from everyone else', () => {
  const live = cm()
    .apply('one', data({ a: '1', b: '2' }))
    .apply('two', data({ a: '1' }))
    .apply('three', data({ a: '9' }), { force: true });
  expect(live.part('data')).toEqual({ a: '9', b: '2' });
  expect(live.owners).toEqual(['one Apply {"data":{"b":{}}}', 'three Apply {"data":{"a":{}}}']);
});

test('who applies the same value owns it too, and it stays until the last one lets go', () => {
  const live = cm()
    .apply('one', data({ a: '1' }))
    .apply('two', data({ a: '1' }));
  expect(live.object?.metadata?.managedFields?.map((e) => [e.manager, e.time])).toEqual([
    // As upstream: one that changes nothing gets no time.
    ['two', undefined],
    ['one', '2026-01-02T03:04:05Z'],
  ]);
  live.apply('one', data({ b: '2' }));
  expect(live.part('data')).toEqual({ a: '1', b: '2' });
  live.apply('two', {});
  expect(live.part('data')).toEqual({ b: '2' });
});

test('a field that an update wrote stays where its applier lets go', () => {
  const live = cm()
    .apply('one', data({ a: '1', b: '2' }))
    .update('editor', (object) => ({ ...object, data: { a: '1', b: '3' } }))
    .apply('one', data({ a: '1' }));
  expect(live.part('data')).toEqual({ a: '1', b: '3' });
});

test('the same configuration again changes nothing, its time neither', () => {
  const live = cm().apply('one', data({ a: '1' }));
  const before = live.object;
  live.apply('one', data({ a: '1' }));
  expect(live.object).toEqual(before);
});

test('null sets back what it names', () => {
  const deployment = new Live('Deployment')
    .apply('one', { spec: { replicas: 3, paused: true } })
    .apply('one', { spec: { replicas: null, paused: true } });
  expect(deployment.part('spec', 'replicas')).toBeUndefined();
  expect(deployment.owners).toEqual(['one Apply {"spec":{"paused":{},"replicas":{}}}']);
});

test('what was there before anyone was tracked belongs to one that stands for it', () => {
  const live = cm();
  live.object = live.config({ ...data({ a: '1' }), metadata: { uid: 'u' } }) as KubeObject;
  expect(failure(() => live.apply('one', data({ a: '2' })))).toBe(
    '409 Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
  );
  live.apply('one', data({ b: '2' }));
  expect(live.owners).toEqual(['one Apply {"data":{"b":{}}}', 'before-first-apply Update {"data":{".":{},"a":{}}}']);
});

test('an object that was stripped of its managers has none until somebody applies', () => {
  const live = cm()
    .update('kubectl', (object) => ({ ...object, ...data({ a: '1' }) }))
    .update('kubectl', (object) => ({ ...object, metadata: { name: 'x', uid: 'u', managedFields: [{}] } }));
  expect(live.owners).toEqual([]);
  live.update('kubectl', (object) => ({ ...object, ...data({ a: '2' }) }));
  expect(live.owners).toEqual([]);
  live.apply('one', data({ a: '2' }));
  expect(live.owners).toEqual(['one Apply {"data":{"a":{}}}', 'before-first-apply Update {"data":{".":{},"a":{}}}']);
});

test('managers of versions that are no longer served are forgotten', () => {
  const live = cm().apply('one', data({ a: '1' }));
  const [entry] = live.object?.metadata?.managedFields ?? [];
  const old: ManagedFieldsEntry = { ...entry, manager: 'old', operation: 'Update', apiVersion: 'v0' };
  live.object = {
    ...live.object,
    metadata: { ...live.object?.metadata, managedFields: [...(entry ? [entry] : []), old] },
  };
  live.apply('two', data({ b: '2' }));
  expect(live.owners.map((line) => line.split(' ')[0])).toEqual(['one', 'two']);
});

test('a subresource has managers of its own, and owns nothing that its endpoint resets', () => {
  const live = new Live('Node')
    .apply('one', { spec: { unschedulable: true }, status: { phase: 'Running' } }, { resetFields: [['status']] })
    .apply('one', { status: { phase: 'Running' } }, { subresource: 'status', resetFields: [['spec']] });
  expect(live.owners.toSorted()).toEqual([
    'one Apply status {"status":{"phase":{}}}',
    'one Apply {"spec":{"unschedulable":{}}}',
  ]);
});

const container = (name: string, more: Tree = {}): Tree => ({ name, image: 'i', ...more });
const names = (live: Live): string[] => (live.part('spec', 'containers') as Tree[]).map((item) => String(item['name']));
const containers = (...items: Tree[]): Tree => ({ spec: { containers: items } });

test('elements of a list that is a map are owned one by one', () => {
  const live = new Live('Pod')
    .apply('one', containers(container('a', { env: [{ name: 'E', value: '1' }] }), container('b')))
    .apply('two', { spec: { containers: [{ name: 'a', env: [{ name: 'F', value: '2' }] }] } });
  expect(live.part('spec', 'containers')).toMatchObject([
    { name: 'a', image: 'i', env: [{ name: 'E' }, { name: 'F' }] },
    { name: 'b' },
  ]);
  live.apply('one', containers(container('b')));
  expect(live.part('spec', 'containers')).toMatchObject([{ name: 'a', env: [{ name: 'F' }] }, { name: 'b' }]);
  expect(live.part('spec', 'containers')).not.toMatchObject([{ image: 'i' }, {}]);
});

test.each<[string, string[], string[], string[]]>([
  ['as applied', [], ['a', 'b'], ['a', 'b']],
  ['in the order applied now', ['a', 'b', 'c'], ['c', 'b', 'a'], ['c', 'b', 'a']],
  [
    'live ones before the shared one they stood before',
    ['x', 'a', 'y', 'b', 'z'],
    ['b', 'a'],
    ['x', 'y', 'b', 'z', 'a'],
  ],
  ['new ones where the configuration has them', ['a', 'b'], ['a', 'n', 'b'], ['a', 'n', 'b']],
  ['new ones after live ones', ['a', 'x'], ['a', 'n'], ['a', 'x', 'n']],
])('merged lists are ordered: %s', (_, before, applied, after) => {
  const live = new Live('Pod');
  if (before.length > 0)
    live.update('one', (object) => ({ ...object, ...containers(...before.map((name) => container(name))) }));
  live.apply('two', containers(...applied.map((name) => container(name))), { force: true });
  expect(names(live)).toEqual(after);
});

test('sets merge by value, atomic lists and maps as one', () => {
  const live = new Live('Service')
    .apply('one', {
      metadata: { finalizers: ['a/a', 'b/b'] },
      spec: { externalIPs: ['1.1.1.1'], selector: { a: '1' } },
    })
    .apply('two', { metadata: { finalizers: ['c/c', 'b/b'] } });
  expect(live.object?.metadata?.finalizers).toEqual(['a/a', 'c/c', 'b/b']);
  expect(live.owners).toEqual([
    'one Apply {"metadata":{"finalizers":{"v:\\"a/a\\"":{},"v:\\"b/b\\"":{}}},"spec":{"externalIPs":{},"selector":{}}}',
    'two Apply {"metadata":{"finalizers":{"v:\\"b/b\\"":{},"v:\\"c/c\\"":{}}}}',
  ]);
  expect(
    failure(() => live.apply('two', { spec: { selector: { b: '2' }, externalIPs: ['1.1.1.1', '2.2.2.2'] } })),
  ).toBe('409 Apply failed with 2 conflicts: conflicts with "one":\n- .spec.externalIPs\n- .spec.selector');
});

test('keys that are left out count by their default', () => {
  const ports = (...items: Tree[]): Tree => containers(container('a', { ports: items }));
  const live = new Live('Pod').apply('one', ports({ containerPort: 80 })).apply('two', {
    spec: { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'TCP', name: 'web' }] }] },
  });
  expect(live.part('spec', 'containers')).toMatchObject([{ ports: [{ containerPort: 80, name: 'web' }] }]);
  expect(failure(() => live.apply('one', ports({ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' })))).toBe(
    '500 failed to create typed patch object (/x; /v1, Kind=Pod): .spec.containers[name="a"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]',
  );
});

test.each<[string, Tree, string]>([
  ['an unknown field', { spec: { foo: 1 } }, '.spec.foo: field not declared in schema'],
  [
    'a number for text',
    { spec: { nodeName: 1 } },
    '.spec.nodeName: expected string, got &value.valueUnstructured{Value:1}',
  ],
  [
    'an object for text',
    { spec: { nodeName: { a: ['b'] } } },
    '.spec.nodeName: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{"b"}}}',
  ],
  ['text for a number', { spec: { priority: 'x' } }, '.spec.priority: expected numeric (int or float), got string'],
  ['text for a boolean', { spec: { hostNetwork: 'x' } }, '.spec.hostNetwork: expected boolean, got &{x}'],
  ['text for a list', { spec: { containers: 'x' } }, '.spec.containers: expected list, got &{x}'],
  ['text for an object', { spec: 'x' }, '.spec: expected map, got &{x}'],
  ['a list for a time', { status: { startTime: [1] } }, '.status.startTime: expected any scalar, got &{[1]}'],
  [
    'an element that is none',
    { spec: { containers: [null] } },
    '.spec.containers: element 0: associative list with keys may not have a null element',
  ],
  [
    'an element of text',
    { spec: { containers: ['a'] } },
    '.spec.containers: element 0: associative list with keys may not have non-map elements',
  ],
  [
    'a list in a set',
    { metadata: { finalizers: [['a']] } },
    '.metadata.finalizers: element 0: not supported: associative list with lists as elements',
  ],
  [
    'two at once',
    { spec: { nodeName: 1, priority: 'x' } },
    'errors:\n  .spec.nodeName: expected string, got &value.valueUnstructured{Value:1}\n  .spec.priority: expected numeric (int or float), got string',
  ],
  [
    'below an atomic list',
    { spec: { tolerations: [{ key: 1 }] } },
    '.spec.tolerations[0].key: expected string, got &value.valueUnstructured{Value:1}',
  ],
])('a configuration with %s is refused', (_, fields, message) => {
  expect(failure(() => new Live('Pod').apply('one', fields))).toBe(
    `500 failed to create typed patch object (/x; /v1, Kind=Pod): ${message}`,
  );
});

test('a configuration of another kind, or with managedFields, is refused', () => {
  const apply = (config: Tree) => failure(() => cm().apply('one', config));
  expect(apply({ kind: 'Secret' })).toBe('400 invalid object type: /v1, Kind=Secret');
  expect(apply({ apiVersion: 'apps/v1' })).toBe('400 invalid object type: apps/v1, Kind=ConfigMap');
  expect(apply({ kind: undefined, apiVersion: undefined })).toBe('400 invalid object type: /, Kind=');
  expect(apply({ metadata: { managedFields: [] } })).toBe('400 metadata.managedFields must be nil');
});

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
const annotationOf = (live: Live): unknown => live.object?.metadata?.annotations?.[annotation];

/** A ConfigMap as kubectl apply leaves it, and one field that it changed behind client-side apply's back. */
function clientApplied(): Live {
  const text =
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{},"name":"x"},"data":{"a":"1","b":"2"}}';
  return cm()
    .update('kubectl-client-side-apply', (object) => ({
      ...object,
      metadata: { name: 'x', annotations: { [annotation]: text } },
      ...data({ a: '1', b: '2' }),
    }))
    .update('editor', (object) => ({ ...object, ...data({ a: '1', b: '5' }) }));
}

test('kubectl takes over what client-side apply set, and keeps its annotation in step', () => {
  const live = clientApplied();
  expect(failure(() => live.apply('kubectl', data({ a: '9', b: '9' })))).toBe(
    '409 Apply failed with 1 conflict: conflict with "editor" using v1: .data.b',
  );
  live.apply('kubectl', { metadata: { labels: { l: '<1>' } }, ...data({ a: '9', c: '3' }) });
  expect(live.part('data')).toEqual({ a: '9', b: '5', c: '3' });
  expect(annotationOf(live)).toBe(
    '{"apiVersion":"v1","data":{"a":"9","c":"3"},"kind":"ConfigMap","metadata":{"labels":{"l":"\\u003c1\\u003e"},"name":"x"}}\n',
  );
});

test('another manager is not kept in step', () => {
  const live = clientApplied();
  const before = annotationOf(live);
  expect(failure(() => live.apply('helm', data({ a: '9' })))).toBe(
    '409 Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a',
  );
  live.apply('helm', data({ c: '3' }));
  expect(annotationOf(live)).toBe(before);
});

test('the annotation goes where it would be too large', () => {
  const live = clientApplied().apply('kubectl', data({ a: 'x'.repeat(300_000), b: '5' }));
  expect(live.object?.metadata?.annotations).toBeUndefined();
});

/** A kind of its own, as a custom resource has it: named fields, free ones, and a list that was a map. */
const customSchema: Schema = {
  definitions: {
    Thing: {
      name: 'Thing',
      required: [],
      fields: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'ref', ref: 'Meta' },
        spec: { type: 'ref', ref: 'Spec' },
      },
    },
    Meta: { name: 'Meta', required: [], fields: { name: { type: 'string' } }, others: { type: 'deduced' } },
    Spec: {
      name: 'Spec',
      required: [],
      fields: { size: { type: 'integer' }, tags: { type: 'array', items: { type: 'deduced' }, listType: 'atomic' } },
      others: { type: 'deduced' },
    },
  },
  ofKind: () => undefined,
};

test('what a schema leaves open is owned as its form tells, and new atomic fields as one', () => {
  const live = new Live('ConfigMap');
  const views = onlyVersion('v1', customSchema, 'Thing');
  const apply = (before: KubeObject | undefined, manager: string, spec: Tree, force = false) => {
    const made = applyConfiguration({
      group: '',
      version: 'v1',
      kind: 'Thing',
      views,
      live: before,
      config: { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' }, spec },
      manager,
      force,
      subresource: '',
      now: live.now,
    });
    const object = made.object as KubeObject;
    return { ...object, metadata: { ...object.metadata, uid: 'u', managedFields: made.managedFields } };
  };
  const one = apply(undefined, 'one', { size: 1, free: { a: { b: 1 }, list: [{ x: 1 }] } });
  expect(one.metadata.managedFields[0]?.fieldsV1).toEqual({
    'f:spec': { 'f:size': {}, 'f:free': { '.': {}, 'f:a': { '.': {}, 'f:b': {} }, 'f:list': {} } },
  });
  const two = apply(one, 'two', { free: { a: { c: 2 } } });
  expect(two).toMatchObject({ spec: { size: 1, free: { a: { b: 1, c: 2 }, list: [{ x: 1 }] } } });
  expect(failure(() => apply(two, 'two', { free: { a: 'text' } }))).toBe(
    '409 Apply failed with 1 conflict: conflict with "one": .spec.free.a',
  );
  const forced = apply(two, 'two', { free: { a: 'text' } }, true);
  expect(forced).toMatchObject({ spec: { free: { a: 'text', list: [{ x: 1 }] } } });
  // tags were owned element by element under an older schema.
  const aged: ManagedFieldsEntry = {
    manager: 'old',
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:tags': { 'v:"a"': {} } } },
  };
  const before = { ...one, spec: { tags: ['a'] }, metadata: { ...one.metadata, managedFields: [aged] } } as KubeObject;
  expect(failure(() => apply(before, 'two', { tags: ['a', 'b'] }))).toBe(
    '409 Apply failed with 1 conflict: conflict with "old": .spec.tags',
  );
});
