// The lives of objects in the API's crash test: every kind of write, each leaving a trace by which it is known to have been done.

/** What of an object tells how far its life has come. */
export interface Written {
  metadata: {
    name: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec?: { replicas?: number; clusterIP?: string; ephemeralContainers?: { name: string }[] };
  status?: { turn?: string; message?: string };
}

/** One write of an object's life. */
export interface Step {
  method: string;
  /** Behind the object's path. */
  at?: string;
  /** The path itself, where it is no part of the object's. */
  path?(name: string): string;
  body?(name: string, turn: string): unknown;
  contentType?: string;
  /** The code of success. Default 201 for the first step, 200 for others. */
  code?: number;
  /** Whether the answer is the object, with the revision of the write. Default true. */
  givesObject?: boolean;
}

/** All lives of one collection. */
export interface Lives {
  collection: string;
  /** How many live at once. */
  writers: number;
  /** Behind the name of each. */
  suffix?: string;
  /** Lived to the end always; of others every third is. */
  whole?: true;
  steps: readonly Step[];
}

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const apply = 'application/apply-patch+yaml';

const object =
  (apiVersion: string, kind: string, more: object = {}) =>
  (name: string, turn: string) => ({
    apiVersion,
    kind,
    metadata: { name, labels: { own: name }, annotations: { turn } },
    ...more,
  });
const annotate = (_name: string, turn: string): unknown => ({ metadata: { annotations: { turn } } });
const namespace = '/api/v1/namespaces/default';

const configMaps: Lives = {
  collection: `${namespace}/configmaps`,
  writers: 3,
  steps: [
    { method: 'POST', body: object('v1', 'ConfigMap') },
    { method: 'PUT', body: object('v1', 'ConfigMap') },
    { method: 'PATCH', contentType: merge, body: annotate },
    { method: 'PATCH', contentType: strategic, body: annotate },
    {
      method: 'PATCH',
      contentType: 'application/json-patch+json',
      body: (_name, turn) => [{ op: 'replace', path: '/metadata/annotations/turn', value: turn }],
    },
    { method: 'PATCH', at: '?fieldManager=crash&force=true', contentType: apply, body: object('v1', 'ConfigMap') },
    { method: 'DELETE', givesObject: false },
  ],
};

export const thingDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.crash.peapod.test' },
  spec: {
    group: 'crash.peapod.test',
    scope: 'Namespaced',
    names: { kind: 'Thing', plural: 'things', singular: 'thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { replicas: { type: 'integer' } } },
              status: { type: 'object', properties: { turn: { type: 'string' }, replicas: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

const things: Lives = {
  collection: '/apis/crash.peapod.test/v1/namespaces/default/things',
  writers: 2,
  steps: [
    { method: 'POST', body: object('crash.peapod.test/v1', 'Thing') },
    { method: 'PATCH', at: '/status', contentType: merge, body: (_name, turn) => ({ status: { turn } }) },
    {
      method: 'PATCH',
      at: '/scale',
      contentType: merge,
      body: (_name, turn) => ({ spec: { replicas: Number(turn) } }),
    },
    {
      method: 'PATCH',
      at: '?fieldManager=crash&force=true',
      contentType: apply,
      body: object('crash.peapod.test/v1', 'Thing'),
    },
    // By the collection, with a selector.
    {
      method: 'DELETE',
      path: (name) => `/apis/crash.peapod.test/v1/namespaces/default/things?labelSelector=own%3D${name}`,
      givesObject: false,
    },
  ],
};

/** The node that pods are bound to: no kubelet runs on it. */
export const emptyNode = 'crash';

const pods: Lives = {
  collection: `${namespace}/pods`,
  writers: 2,
  steps: [
    {
      method: 'POST',
      body: object('v1', 'Pod', { spec: { schedulerName: 'nobody', containers: [{ name: 'c', image: 'i' }] } }),
    },
    {
      method: 'POST',
      at: '/binding',
      code: 201,
      body: (name, turn) => ({
        metadata: { name, annotations: { turn } },
        target: { apiVersion: 'v1', kind: 'Node', name: emptyNode },
      }),
    },
    { method: 'PATCH', at: '/status', contentType: merge, body: (_name, message) => ({ status: { message } }) },
    {
      method: 'PATCH',
      at: '/ephemeralcontainers',
      contentType: strategic,
      body: (_name, turn) => ({ spec: { ephemeralContainers: [{ name: `turn-${turn}`, image: 'i' }] } }),
    },
    // It waits for its node, which is not there, until it is forced.
    { method: 'DELETE' },
    { method: 'DELETE', at: '?gracePeriodSeconds=0' },
  ],
};

const service = (type: string) => object('v1', 'Service', { spec: { type, ports: [{ port: 80 }] } });

export const services: Lives = {
  collection: `${namespace}/services`,
  writers: 2,
  steps: [
    { method: 'POST', body: service('ClusterIP') },
    { method: 'PUT', body: service('NodePort') },
    { method: 'PUT', body: service('ClusterIP') },
    { method: 'DELETE' },
  ],
};

const events: Lives = {
  collection: `${namespace}/events`,
  writers: 1,
  steps: [
    {
      method: 'POST',
      body: object('v1', 'Event', {
        involvedObject: { kind: 'Pod', namespace: 'default', name: 'x' },
        reason: 'Crash',
      }),
    },
    { method: 'PATCH', contentType: merge, body: annotate },
    { method: 'DELETE', givesObject: false },
  ],
};

const group = 'made.peapod.test';
const pluralOf = (name: string): string => name.slice(0, name.indexOf('.'));

/** Where the objects of a definition are. */
export const objectsOf = (name: string): string => `/apis/${group}/v1/namespaces/default/${pluralOf(name)}`;

/** A definition whose objects are free. */
export function definition(name: string, turn: string): object {
  const plural = pluralOf(name);
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: plural, plural },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  })(name, turn);
}

export const definitions: Lives = {
  collection: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  writers: 1,
  suffix: `.${group}`,
  whole: true,
  steps: [
    { method: 'POST', body: definition },
    {
      method: 'POST',
      path: objectsOf,
      code: 201,
      givesObject: false,
      body: (name) => ({ apiVersion: `${group}/v1`, kind: pluralOf(name), metadata: { name: 'one' } }),
    },
    { method: 'PATCH', contentType: merge, body: annotate },
    // Its objects go first.
    { method: 'DELETE' },
  ],
};

const namespaces: Lives = {
  collection: '/api/v1/namespaces',
  writers: 1,
  whole: true,
  steps: [
    { method: 'POST', body: object('v1', 'Namespace') },
    {
      method: 'POST',
      path: (name) => `/api/v1/namespaces/${name}/configmaps`,
      code: 201,
      body: object('v1', 'ConfigMap'),
    },
    { method: 'PATCH', contentType: merge, body: annotate },
    // What is in it goes first.
    { method: 'DELETE' },
  ],
};

export const watched = configMaps;
export const everyLife: readonly Lives[] = [configMaps, things, pods, services, events, definitions, namespaces];

/** The latest step that shows on an object. */
export function turnOf({ metadata, spec, status }: Written): number {
  const ephemeral = spec?.ephemeralContainers?.map(({ name }) => Number(name.replace('turn-', ''))) ?? [];
  const texts = [metadata.annotations?.['turn'], status?.turn, status?.message].map((text) => Number(text ?? 0));
  return Math.max(...texts, spec?.replicas ?? 0, ...ephemeral);
}
