import { expect, test } from 'vitest';
import { loadSchema } from './load.ts';
import { fillNullFields, fillUnsetFields } from './unset-fields.ts';

const schema = loadSchema();

test('a pod reads as kubectl shows it', () => {
  const pod = {
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', ports: [{ containerPort: 1 }] }], initContainers: [{}] },
  };
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', pod);
  const expected = {
    metadata: { name: 'a' },
    spec: {
      containers: [{ name: 'c', ports: [{ containerPort: 1 }], resources: {} }],
      initContainers: [{ name: '', resources: {} }],
    },
    status: {},
  };
  expect(pod).toEqual(expected);
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', pod);
  expect(pod).toEqual(expected);
});

test('structs are filled down to their own unset fields', () => {
  const service = {};
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Service', service);
  expect(service).toEqual({ metadata: {}, spec: {}, status: { loadBalancer: {} } });
  const deployment = { spec: {} };
  fillUnsetFields(schema, 'io.k8s.api.apps.v1.Deployment', deployment);
  expect(deployment).toEqual({
    metadata: {},
    spec: { strategy: {}, template: { metadata: {}, spec: { containers: [] } } },
    status: {},
  });
});

test('container statuses say what Go says by default', () => {
  const pod = { metadata: {}, spec: {}, status: { containerStatuses: [{ name: 'c' }] } };
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', pod);
  expect(pod.status.containerStatuses).toEqual([
    { name: 'c', image: '', imageID: '', lastState: {}, ready: false, restartCount: 0, state: {} },
  ]);
});

test('a field that validation asks for is there to be judged, in an array of its own', () => {
  const [one, other] = [{ spec: {} }, { spec: {} }];
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', one);
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', other);
  expect(one).toEqual({ metadata: {}, spec: { containers: [] }, status: {} });
  expect(Object.values(one.spec)[0]).not.toBe(Object.values(other.spec)[0]);
  const volume = { spec: { containers: [], volumes: [{ name: 'v', projected: {} }] } };
  fillUnsetFields(schema, 'io.k8s.api.core.v1.Pod', volume);
  expect(volume.spec.volumes).toEqual([{ name: 'v', projected: {} }]);
});

test('every definition can be filled, also those that hold themselves', () => {
  for (const name of Object.keys(schema.definitions)) {
    const object = {};
    fillUnsetFields(schema, name, object);
    expect(JSON.stringify(object).length).toBeLessThan(2000);
  }
});

test('lists, pointers and times that are not set read null where Go never leaves them out', () => {
  const nulls = (definition: string, object: object): object => {
    fillNullFields(schema, definition, object);
    fillNullFields(schema, definition, object);
    return object;
  };
  const projected = { name: 'v', projected: {} };
  expect(
    nulls('io.k8s.api.core.v1.Pod', {
      spec: { containers: [{ name: 'c' }], volumes: [projected] },
      status: { conditions: [{ type: 'Ready' }], containerStatuses: [{ state: { terminated: { exitCode: 1 } } }] },
    }),
  ).toEqual({
    spec: { containers: [{ name: 'c' }], volumes: [{ name: 'v', projected: { sources: null } }] },
    status: {
      conditions: [{ type: 'Ready', lastProbeTime: null, lastTransitionTime: null }],
      containerStatuses: [{ state: { terminated: { exitCode: 1, startedAt: null, finishedAt: null } } }],
    },
  });
  expect(nulls('io.k8s.api.core.v1.LimitRange', { spec: { limits: [] } })).toEqual({ spec: { limits: null } });
  expect(nulls('io.k8s.api.rbac.v1.Role', { rules: Object.freeze([]) })).toEqual({ rules: null });
  const frozen = Object.freeze({ rules: [] });
  expect(nulls('io.k8s.api.rbac.v1.Role', frozen)).toEqual({ rules: [] });
  const kept = { status: { storedVersions: [] } };
  expect(nulls('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition', kept)).toEqual({
    status: { conditions: null, storedVersions: [] },
  });
});
