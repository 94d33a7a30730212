import { expect, test } from 'vitest';
import { cannotBeHandled, checkObject, strictDecodingError } from './decode.ts';
import { loadSchema } from './load.ts';

const schema = loadSchema();
const core = 'io.k8s.api.core.v1.';
const pod = (spec: unknown): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a' },
  spec,
});
const container = (fields: object): unknown => pod({ containers: [{ name: 'c', ...fields }] });

test('unknown fields are named by path, in order, and dropped', () => {
  const object = {
    ...pod({ containers: [{ name: 'c', foo: 1, resources: { limits: { cpu: '1' }, extra: {} } }], Containers: [] }),
    bar: { deep: 1 },
    metadata: { name: 'a', labels: { any: 'thing' }, other: 1 },
  };
  expect(checkObject(schema, `${core}Pod`, object)).toEqual({
    unknownFields: [
      'unknown field "metadata.other"',
      'unknown field "spec.containers[0].foo"',
      'unknown field "spec.containers[0].resources.extra"',
      'unknown field "spec.Containers"',
      'unknown field "bar"',
    ],
  });
  expect(object).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', labels: { any: 'thing' } },
    spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] },
  });
});

test('unknown fields stop at a hundred', () => {
  const object = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, i]));
  expect(checkObject(schema, `${core}Pod`, object).unknownFields).toHaveLength(100);
  expect(object).toEqual({});
});

test('names that every object inherits are unknown fields', () => {
  const object = JSON.parse('{"constructor":1,"__proto__":{"x":1},"toString":2}') as object;
  expect(checkObject(schema, `${core}Pod`, object).unknownFields).toHaveLength(3);
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  expect(Object.keys(object)).toEqual([]);
});

test('the texts around the errors', () => {
  expect(strictDecodingError(['unknown field "a"', 'duplicate field "b"'])).toBe(
    'strict decoding error: unknown field "a", duplicate field "b"',
  );
  expect(strictDecodingError([])).toBeUndefined();
  expect(cannotBeHandled({ kind: 'Pod', version: 'v1' }, 'Pod', 'why')).toBe(
    'Pod in version "v1" cannot be handled as a Pod: why',
  );
});

test.each<[string, unknown, string]>([
  [
    'a string for a list',
    pod({ containers: 'x' }),
    'string into Go struct field PodSpec.spec.containers of type []v1.Container',
  ],
  [
    'an object for a list',
    pod({ containers: {} }),
    'object into Go struct field PodSpec.spec.containers of type []v1.Container',
  ],
  ['a list for an object', pod([]), 'array into Go struct field Pod.spec of type v1.PodSpec'],
  [
    'a number for a string',
    container({ image: 3 }),
    'number into Go struct field Container.spec.containers.image of type string',
  ],
  [
    'a named string type',
    container({ imagePullPolicy: true }),
    'bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy',
  ],
  [
    'a string for a number',
    container({ ports: [{ containerPort: '80' }] }),
    'string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
  ],
  [
    'too large',
    container({ ports: [{ containerPort: 3000000000 }] }),
    'number 3000000000 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
  ],
  [
    'a fraction',
    pod({ terminationGracePeriodSeconds: 1.5 }),
    'number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64',
  ],
  [
    'a label that is a number',
    { metadata: { labels: { a: 1 } } },
    'number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    'an env value that is a bool',
    container({ env: [{ name: 'a', value: true }] }),
    'bool into Go struct field EnvVar.spec.containers.env.value of type string',
  ],
  [
    'a bool for int-or-string',
    container({ livenessProbe: { httpGet: { port: true } } }),
    'bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
  ],
  [
    'a number for a time',
    { metadata: { deletionTimestamp: 3 } },
    'number into Go struct field ObjectMeta.metadata.deletionTimestamp of type string',
  ],
  [
    'a list for a map of quantities',
    container({ resources: { limits: [] } }),
    'array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList',
  ],
  [
    'an element',
    container({ args: ['a', 1] }),
    'number into Go struct field Container.spec.containers.args of type string',
  ],
])('a type error: %s', (_, object, message) => {
  expect(checkObject(schema, `${core}Pod`, object).typeError).toBe(`json: cannot unmarshal ${message}`);
});

test('the first mismatch is told, but a type that decodes itself ends it at once', () => {
  const object = container({ image: 1, args: 'x', resources: { limits: { cpu: 'lots' } } });
  expect(checkObject(schema, `${core}Pod`, object).typeError).toBe(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
  expect(checkObject(schema, `${core}Pod`, container({ image: 1, args: 'x' })).typeError).toContain('containers.image');
});

test.each([
  ['', 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'],
  ['2026-13-01T00:00:00Z', 'parsing time "2026-13-01T00:00:00Z": month out of range'],
  ['2026-01-02', 'parsing time "2026-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
  ['2026-02-30T00:00:00Z', 'parsing time "2026-02-30T00:00:00Z": day out of range'],
])('the time %j', (deletionTimestamp, message) => {
  expect(checkObject(schema, `${core}Pod`, { metadata: { deletionTimestamp } }).typeError).toBe(message);
});

test.each([
  ['aGk', 'illegal base64 data at input byte 0'],
  ['aGkh!', 'illegal base64 data at input byte 4'],
  ['aGk==', 'illegal base64 data at input byte 4'],
  ['aG=', 'illegal base64 data at input byte 3'],
  ['aGkh\naGkh', undefined],
  ['aGk=', undefined],
  ['', undefined],
])('base64 %j', (value, message) => {
  expect(checkObject(schema, `${core}Secret`, { data: { value } }).typeError).toBe(message);
});

test('values become canonical', () => {
  const object = {
    metadata: { deletionTimestamp: '2026-01-02T03:04:05.999+02:00', labels: { a: null }, annotations: null },
    spec: {
      containers: [
        {
          name: 'c',
          resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: 0.5, memory: '128Mi' } },
        },
      ],
      nodeName: null,
      tolerations: [null],
    },
  };
  expect(checkObject(schema, `${core}Pod`, object)).toEqual({ unknownFields: [] });
  expect(object).toEqual({
    metadata: { deletionTimestamp: '2026-01-02T01:04:05Z', labels: { a: '' } },
    spec: {
      containers: [
        { name: 'c', resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '128Mi' } } },
      ],
      tolerations: [{}],
    },
  });
});

test('micro times have six digits', () => {
  const lease = (renewTime: string): object => ({ spec: { renewTime } });
  const name = 'io.k8s.api.coordination.v1.Lease';
  const object = lease('2026-01-02T03:04:05.123456+01:00');
  expect(checkObject(schema, name, object).typeError).toBeUndefined();
  expect(object).toEqual(lease('2026-01-02T02:04:05.123456Z'));
  expect(checkObject(schema, name, lease('2026-01-02T03:04:05Z')).typeError).toBe(
    'parsing time "2026-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
  );
});

test('a body that is no object', () => {
  expect(checkObject(schema, `${core}Pod`, []).typeError).toContain(
    'cannot unmarshal array into Go value of type struct',
  );
});

test.each<[string, unknown, string]>([
  ['a string for a list', pod({ containers: 'x' }), 'cannot restore slice from string'],
  ['a list for a struct', pod([]), 'cannot restore struct from: slice'],
  ['a string for a map', { metadata: { labels: 'x' } }, 'cannot restore map from string'],
  ['a number for a string', { metadata: { labels: { a: 1 } } }, 'cannot convert int64 to string'],
  ['a number for a named string', container({ imagePullPolicy: 1 }), 'cannot convert int64 to v1.PullPolicy'],
  ['a bool for a string', container({ image: true }), 'unrecognized type: string'],
  ['a string for a number', pod({ activeDeadlineSeconds: 'x' }), 'unrecognized type: int64'],
  ['a fraction for an integer', pod({ activeDeadlineSeconds: 1.5 }), 'cannot convert float64 to int64'],
  ['a string for a bool', pod({ hostNetwork: 'x' }), 'unrecognized type: bool'],
  [
    'a bad quantity',
    container({ resources: { limits: { cpu: true } } }),
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  [
    'a bool for a port',
    container({ livenessProbe: { httpGet: { port: true } } }),
    'json: cannot unmarshal bool into Go value of type int32',
  ],
])('a type error of a tree in memory: %s', (_, object, message) => {
  expect(checkObject(schema, `${core}Pod`, object, 'tree').typeError).toBe(message);
});

test('unknown fields of a tree are sorted', () => {
  expect(checkObject(schema, `${core}Pod`, { z: 1, a: 1 }, 'tree').unknownFields).toEqual([
    'unknown field "a"',
    'unknown field "z"',
  ]);
});

test('empty values mean none, as for Go, but behind a pointer, in required fields and in structs', () => {
  const spec = {
    nodeName: '',
    hostNetwork: false,
    priority: 0,
    tolerations: [],
    nodeSelector: {},
    securityContext: {},
    preemptionPolicy: '',
    containers: [],
  };
  const object = { metadata: { name: 'x', labels: {}, finalizers: [] }, spec };
  checkObject(schema, `${core}Pod`, object);
  expect(object).toEqual({
    metadata: { name: 'x' },
    spec: { priority: 0, securityContext: {}, preemptionPolicy: '', containers: [] },
  });
});
