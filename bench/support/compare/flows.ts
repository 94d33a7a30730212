// What clients ask one request after another: each flow has names of its own, so that several run at a time.
import type { Json } from './difference.ts';
import { evictions } from './eviction-flow.ts';
import { apply, ask, type Flow, jsonPatch, merge, strategic } from './flow.ts';

/** Of the last answer: a text by its path of names. */
const last = (answers: readonly Json[], ...names: string[]): string => {
  let value = answers.at(-1) as Json | undefined;
  for (const name of names) value = (value as { [key: string]: Json } | null | undefined)?.[name];
  return typeof value === 'string' ? value : '';
};

const maps = (namespace = 'default'): string => `/api/v1/namespaces/${namespace}/configmaps`;
const map = (name: string, more: { [key: string]: Json } = {}): { [key: string]: Json } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...((more['metadata'] ?? {}) as object) },
  data: more['data'] ?? { a: 'b' },
});

const namespaceLife: Flow = {
  name: 'a namespace ends',
  steps: [
    ask('POST', '/api/v1/namespaces', { metadata: { name: 'ending' } }),
    ask('POST', maps('ending'), map('kept')),
    ask('DELETE', '/api/v1/namespaces/ending', { propagationPolicy: 'Foreground' }),
    ask('GET', '/api/v1/namespaces/ending'),
    ask('POST', maps('ending'), map('late')),
    ask('PATCH', `${maps('ending')}/kept`, { data: { c: 'd' } }, merge),
    ask('PATCH', `${maps('ending')}/late?fieldManager=x`, map('late'), apply),
    ask('DELETE', `${maps('ending')}/kept`),
    ask('DELETE', '/api/v1/namespaces/ending'),
    ask('PUT', '/api/v1/namespaces/ending', { metadata: { name: 'ending', labels: { a: 'b' } } }),
    ask('PUT', '/api/v1/namespaces/ending/finalize', { metadata: { name: 'ending' }, spec: { finalizers: ['a/b'] } }),
    ask('PUT', '/api/v1/namespaces/ending/finalize', { metadata: { name: 'ending' }, spec: { finalizers: [] } }),
    ask('GET', '/api/v1/namespaces/ending'),
    ask('DELETE', '/api/v1/namespaces/default'),
    ask('DELETE', '/api/v1/namespaces/kube-system?dryRun=All'),
  ],
};

const finalizers: Flow = {
  name: 'finalizers hold',
  steps: [
    ask('POST', maps(), map('held', { metadata: { finalizers: ['example.com/a'] } })),
    ask('DELETE', `${maps()}/held`, { preconditions: { uid: 'x' } }),
    ask('DELETE', `${maps()}/held`, { propagationPolicy: 'Foreground' }),
    ask('GET', `${maps()}/held`),
    ask('DELETE', `${maps()}/held`, { propagationPolicy: 'Orphan' }),
    ask('DELETE', `${maps()}/held`),
    ask('POST', maps(), map('held')),
    ask('PATCH', `${maps()}/held`, { metadata: { finalizers: ['example.com/a', 'example.com/b'] } }, merge),
    ask('PATCH', `${maps()}/held`, { metadata: { deletionTimestamp: null } }, merge),
    ask('PATCH', `${maps()}/held`, { data: { new: 'x' } }, strategic),
    ask('PATCH', `${maps()}/held?dryRun=All`, { metadata: { finalizers: null } }, merge),
    ask('PATCH', `${maps()}/held`, { metadata: { finalizers: null } }, merge),
    ask('GET', `${maps()}/held`),
    ...['Foreground', 'Orphan', 'Background'].flatMap((policy) => [
      ask('POST', maps(), map('gone')),
      ask('DELETE', `${maps()}/gone?propagationPolicy=${policy}`),
      ask('GET', `${maps()}/gone`),
      ask('PATCH', `${maps()}/gone`, { metadata: { finalizers: [] } }, merge),
      ask('GET', `${maps()}/gone`),
    ]),
  ],
};

const pages: Flow = {
  name: 'pages of a list',
  steps: [
    ...['a', 'b', 'c', 'd', 'e'].map((name) =>
      ask('POST', maps(), map(`page-${name}`, { metadata: { labels: { page: 'x' } } })),
    ),
    ask('GET', `${maps()}?labelSelector=page%3Dx&limit=2`),
    (answers) =>
      ask('GET', `${maps()}?labelSelector=page%3Dx&limit=2&continue=${last(answers, 'metadata', 'continue')}`),
    (answers) => ask('GET', `${maps()}?labelSelector=page%3Dx&continue=${last(answers, 'metadata', 'continue')}`),
    ask('GET', `${maps()}?labelSelector=page%3Dx&limit=5`),
    ask('GET', `${maps()}?labelSelector=page%3Dx&limit=1&resourceVersion=0`),
    ask('GET', '/api/v1/configmaps?labelSelector=page%3Dx&limit=3'),
    ask('DELETE', `${maps()}?labelSelector=page%3Dx&limit=2`),
    ask('GET', `${maps()}?labelSelector=page%3Dx`),
    ask('DELETE', `${maps()}?labelSelector=page%3Dx&dryRun=All`),
    ask('DELETE', `${maps()}?fieldSelector=metadata.name%3Dpage-e`, { propagationPolicy: 'Foreground' }),
    ask('DELETE', `${maps()}?labelSelector=page%3Dx`, { gracePeriodSeconds: 0 }),
    ask('GET', `${maps()}?labelSelector=page%3Dx`),
  ],
};

const at = `${maps()}/shared`;
const sharedBy = (data: Json, more: object = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'shared', ...more },
  data,
});
const appliers: Flow = {
  name: 'two managers apply',
  steps: [
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({ a: '1', b: '1' }, { labels: { l: '1' } }), apply),
    ask('PATCH', `${at}?fieldManager=two`, sharedBy({ a: '2', c: '2' }), apply),
    ask('PATCH', `${at}?fieldManager=two&force=true`, sharedBy({ a: '2', c: '2' }), apply),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({ b: '1' }), apply),
    ask('PUT', `${at}?fieldManager=three`, sharedBy({ a: '3', d: '3' })),
    ask('PATCH', `${at}?fieldManager=two`, sharedBy({ a: '2' }), apply),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({}, { managedFields: [{ manager: 'x' }] }), apply),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({}, { resourceVersion: '1' }), apply),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({}, { uid: 'x' }), apply),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({ x: null }), apply),
    ask('PATCH', `${at}`, { metadata: { managedFields: [{}] } }, merge),
    ask('PATCH', `${at}?fieldManager=one`, sharedBy({ a: '1' }), apply),
    ask('PATCH', `${at}?fieldManager=four`, [{ op: 'replace', path: '/data/a', value: '4' }], jsonPatch),
    ask('PATCH', `${at}?fieldManager=four`, [{ op: 'remove', path: '/data' }], jsonPatch),
    ask('PATCH', `${at}?fieldManager=four`, [{ op: 'add', path: '/metadata/annotations', value: {} }], jsonPatch),
    ask('PATCH', `${at}?fieldManager=four`, { $patch: 'replace', data: { z: '1' } }, strategic),
    ask('PATCH', `${at}?fieldManager=four`, { data: { $patch: 'delete' } }, strategic),
    ask('PATCH', `${at}?fieldManager=four`, { $patch: 'odd' }, strategic),
    ask('PATCH', `${at}?fieldManager=four`, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } }, strategic),
    ask('PATCH', `${at}?fieldManager=four`, { metadata: { name: 'other' } }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { metadata: { uid: 'other' } }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { metadata: { resourceVersion: '1' } }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { kind: 'Secret' }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { apiVersion: 'v2' }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { immutable: true }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { data: { n: 'x' } }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { immutable: false }, merge),
    ask('PATCH', `${at}?fieldManager=four`, { metadata: { labels: { x: 'y' } } }, merge),
    ask('DELETE', at),
  ],
};

const pods = '/api/v1/namespaces/default/pods';
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'flowing' },
  spec: {
    containers: [{ name: 'c', image: 'i', env: [{ name: 'A', value: '1' }], resources: { requests: { cpu: '1' } } }],
  },
};
const podLife: Flow = {
  name: 'a pod from its creation to its end',
  steps: [
    ask('POST', pods, pod),
    ask('POST', pods, pod),
    ask('PATCH', `${pods}/flowing`, { spec: { containers: [{ name: 'c', image: 'j' }] } }, strategic),
    ask(
      'PATCH',
      `${pods}/flowing`,
      { spec: { containers: [{ name: 'c', env: [{ name: 'A', value: '2' }] }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing`,
      { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80 }] }] } },
      strategic,
    ),
    ask('PATCH', `${pods}/flowing`, { spec: { containers: [{ name: 'd', image: 'x' }] } }, strategic),
    ask('PATCH', `${pods}/flowing`, { spec: { nodeName: 'n' } }, strategic),
    ask('PATCH', `${pods}/flowing`, { spec: { tolerations: [{ key: 'a', operator: 'Exists' }] } }, strategic),
    ask('PATCH', `${pods}/flowing`, { spec: { activeDeadlineSeconds: 5 } }, strategic),
    ask('PATCH', `${pods}/flowing`, { spec: { activeDeadlineSeconds: 9 } }, strategic),
    ask('PATCH', `${pods}/flowing`, { spec: { terminationGracePeriodSeconds: 1 } }, merge),
    ask('PATCH', `${pods}/flowing`, { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }, strategic),
    ask('POST', `${pods}/flowing/binding`, { target: { kind: 'Odd', name: 'n' } }),
    ask('POST', `${pods}/flowing/binding`, { target: {} }),
    ask('POST', `${pods}/flowing/binding`, { metadata: { name: 'other' }, target: { kind: 'Node', name: 'n' } }),
    ask('POST', `${pods}/flowing/binding`, { metadata: { name: 'flowing' }, target: { kind: 'Node', name: 'n' } }),
    ask('POST', `${pods}/flowing/binding`, { metadata: { name: 'flowing' }, target: { kind: 'Node', name: 'm' } }),
    ask('GET', `${pods}/flowing`),
    ask(
      'PATCH',
      `${pods}/flowing/status`,
      { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing/status`,
      { status: { conditions: [{ type: 'Ready', $patch: 'delete' }] } },
      strategic,
    ),
    ask('PATCH', `${pods}/flowing/status`, { spec: { nodeName: 'x' }, metadata: { labels: { a: 'b' } } }, strategic),
    ask('PATCH', `${pods}/flowing/status`, { status: { phase: 'Odd' } }, strategic),
    ask(
      'PATCH',
      `${pods}/flowing/status`,
      { status: { containerStatuses: [{ name: 'c', state: { running: {} } }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing/resize`,
      { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '2' } } }] } },
      strategic,
    ),
    ask('PATCH', `${pods}/flowing/resize`, { spec: { containers: [{ name: 'c', image: 'k' }] } }, strategic),
    ask(
      'PATCH',
      `${pods}/flowing/resize`,
      { spec: { containers: [{ name: 'c', resources: { limits: { memory: '1' } } }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'e', image: 'x' }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'e', image: 'y' }] } },
      strategic,
    ),
    ask(
      'PATCH',
      `${pods}/flowing/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'c', image: 'x' }] } },
      strategic,
    ),
    ask('PATCH', `${pods}/flowing/ephemeralcontainers`, { spec: { ephemeralContainers: null } }, merge),
    ask('GET', `${pods}/flowing/ephemeralcontainers`),
    ask('GET', `${pods}?fieldSelector=spec.nodeName%3Dn`),
    ask('GET', `${pods}?fieldSelector=status.phase%3DRunning,spec.restartPolicy%3DAlways`),
    ask('DELETE', `${pods}/flowing?gracePeriodSeconds=20`),
    ask('DELETE', `${pods}/flowing?gracePeriodSeconds=40`),
    ask('DELETE', `${pods}/flowing?gracePeriodSeconds=10`),
    ask('PATCH', `${pods}/flowing`, { metadata: { finalizers: ['a/b'] } }, merge),
    ask('DELETE', `${pods}/flowing?gracePeriodSeconds=0`),
    ask('GET', `${pods}/flowing`),
    ask('POST', pods, { ...pod, metadata: { name: 'unbound' } }),
    ask('DELETE', `${pods}/unbound`),
    ask('GET', `${pods}/unbound`),
  ],
};

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const things = '/apis/flow.example.com/v1/namespaces/default/things';
const thing = (spec: Json, name = 't'): Json => ({
  apiVersion: 'flow.example.com/v1',
  kind: 'Thing',
  metadata: { name },
  spec,
});
const text = { type: 'string' };
const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['need'],
      properties: {
        need: text,
        defaulted: { ...text, default: 'x' },
        nullable: { ...text, nullable: true },
        kind: { ...text, enum: ['A', 'B'] },
        short: { ...text, maxLength: 3, minLength: 1, pattern: '^a' },
        number: { type: 'integer', minimum: 1, maximum: 5, multipleOf: 2 },
        real: { type: 'number', exclusiveMinimum: true, minimum: 0 },
        format: { ...text, format: 'date-time' },
        either: { 'x-kubernetes-int-or-string': true },
        list: { type: 'array', items: text, maxItems: 2, 'x-kubernetes-list-type': 'set' },
        map: {
          type: 'array',
          items: { type: 'object', required: ['k'], properties: { k: text, v: text } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        other: { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 1 },
        one: { type: 'object', properties: { a: text, b: text }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
        ruled: {
          type: 'integer',
          'x-kubernetes-validations': [
            { rule: 'self > 1', message: 'too small' },
            { rule: 'self == oldSelf', message: 'fixed' },
          ],
        },
        replicas: { type: 'integer' },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: text } },
  },
};
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.flow.example.com' },
  spec: {
    group: 'flow.example.com',
    scope: 'Namespaced',
    names: {
      plural: 'things',
      singular: 'thing',
      kind: 'Thing',
      listKind: 'ThingList',
      shortNames: ['th'],
      categories: ['all'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        additionalPrinterColumns: [
          { name: 'Need', type: 'string', jsonPath: '.spec.need' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        selectableFields: [{ jsonPath: '.spec.need' }],
      },
    ],
  },
};
const specs: { [key: string]: Json }[] = [
  {},
  { need: 1 },
  { need: 'x' },
  { need: null },
  { need: 'x', nosuch: 1 },
  { need: 'x', nullable: null, defaulted: null },
  { need: 'x', kind: 'C' },
  { need: 'x', short: '' },
  { need: 'x', short: 'bbbb' },
  { need: 'x', number: 7 },
  { need: 'x', number: 1.5 },
  { need: 'x', number: '1' },
  { need: 'x', real: 0 },
  { need: 'x', format: 'odd' },
  { need: 'x', either: '5%' },
  { need: 'x', either: true },
  { need: 'x', list: ['a', 'a'] },
  { need: 'x', list: ['a', 'b', 'c'] },
  { need: 'x', list: {} },
  { need: 'x', map: [{ k: 'a' }, { k: 'a' }] },
  { need: 'x', map: [{ v: 'a' }] },
  { need: 'x', free: { a: [1, { b: null }] } },
  { need: 'x', other: { a: 1, b: 2 } },
  { need: 'x', other: { a: 'x' } },
  { need: 'x', one: {} },
  { need: 'x', one: { a: 'x', b: 'y' } },
  { need: 'x', ruled: 1 },
  { need: 'x', ruled: 2 },
];
const custom: Flow = {
  name: 'custom resources',
  steps: [
    ask('POST', definitions, definition),
    // The definition is established, and served, a little later: what is asked until then is asked in vain.
    ...Array.from({ length: 1 }, () => ask('GET', `${definitions}/nosuch?resourceVersion=99999999`)),
    ask('GET', '/apis/flow.example.com/v1'),
    ...specs.flatMap((spec, i) => [
      ask('POST', `${things}?dryRun=All`, thing(spec, `s${i}`)),
      ask('POST', `${things}?dryRun=All&fieldValidation=Strict`, thing(spec, `s${i}`)),
    ]),
    ask('POST', things, thing({ need: 'x', ruled: 2, replicas: 1, map: [{ k: 'a', v: '1' }] })),
    ask('POST', things, thing({ need: 'x' })),
    ask('POST', `${things}?dryRun=All`, { ...(thing({ need: 'x' }, 'u') as object), status: { replicas: 3 } }),
    ask('POST', `${things}?dryRun=All`, { ...(thing({ need: 'x' }, 'u') as object), kind: 'Other' }),
    ask('POST', `${things}?dryRun=All`, {
      ...(thing({ need: 'x' }, 'u') as object),
      apiVersion: 'flow.example.com/v2',
    }),
    ask('PUT', `${things}/t`, thing({ need: 'y', ruled: 2 })),
    (answers) => ask('PUT', `${things}/t`, { ...(answers[0] as object), ...(thing({ need: 'y' }) as object) }),
    ask('PATCH', `${things}/t`, { spec: { ruled: 3 } }, merge),
    ask('PATCH', `${things}/t`, { spec: { need: 'z' } }, merge),
    ask('PATCH', `${things}/t`, { spec: { need: 'z' } }, strategic),
    ask('PATCH', `${things}/t`, [{ op: 'add', path: '/spec/number', value: 2 }], jsonPatch),
    ask('PATCH', `${things}/t`, [{ op: 'add', path: '/spec/number', value: 3 }], jsonPatch),
    ask('PATCH', `${things}/t?fieldManager=m`, thing({ need: 'q', map: [{ k: 'b' }] }), apply),
    ask('PATCH', `${things}/t?fieldManager=m&force=true`, thing({ need: 'q', map: [{ k: 'b' }] }), apply),
    ask('PATCH', `${things}/t?fieldManager=m&force=true`, thing({ need: 'q', nosuch: 1 }), apply),
    ask('PATCH', `${things}/t/status`, { status: { replicas: 2, selector: 'a=b' }, spec: { need: 'no' } }, merge),
    ask('PATCH', `${things}/t/status`, { status: { replicas: 'x' } }, merge),
    ask('GET', `${things}/t/scale`),
    ask('PATCH', `${things}/t/scale`, { spec: { replicas: 4 } }, merge),
    ask('PATCH', `${things}/t/scale`, { spec: { replicas: -1 } }, merge),
    ask('PUT', `${things}/t/scale`, { metadata: { name: 't', namespace: 'default' }, spec: { replicas: 5 } }),
    ask('GET', things, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
    ask('GET', `${things}/t`, undefined, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' }),
    ask('GET', `${things}/t`, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
    ask('GET', `${things}/t`, undefined, { accept: 'application/yaml' }),
    ask('GET', `${things}?fieldSelector=spec.need%3Dq`),
    ask('GET', `${things}?fieldSelector=spec.nosuch%3Dq`),
    ask('GET', `${things}/nosuch`),
    ask('GET', `${things}/t/nosuch`),
    ask('GET', '/apis/flow.example.com/v2/things'),
    ask('GET', '/apis/flow.example.com/v1/nosuch'),
    ask('GET', '/apis/flow.example.com'),
    ask('DELETE', `${things}/t?propagationPolicy=Foreground`),
    ask('DELETE', things),
    ask('DELETE', `${things}/t`),
    ask('PATCH', `${definitions}/things.flow.example.com`, { spec: { scope: 'Cluster' } }, merge),
    ask('PATCH', `${definitions}/things.flow.example.com`, { spec: { names: { kind: 'Other' } } }, merge),
  ],
};

const services = '/api/v1/namespaces/default/services';
const service = (spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'flow' }, spec });
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' };
const others: Flow = {
  name: 'services, roles, secrets and requests',
  steps: [
    ask('POST', services, service({ ports: [{ port: 80 }] })),
    ask('PATCH', `${services}/flow`, { spec: { clusterIP: '10.0.0.9' } }, merge),
    ask('PATCH', `${services}/flow`, { spec: { type: 'NodePort' } }, merge),
    ask('PATCH', `${services}/flow`, { spec: { ports: [{ port: 81, name: 'b' }] } }, strategic),
    ask(
      'PATCH',
      `${services}/flow`,
      {
        spec: {
          ports: [
            { port: 80, name: 'a' },
            { port: 81, name: 'b' },
          ],
        },
      },
      strategic,
    ),
    ask('PATCH', `${services}/flow`, { spec: { type: 'ExternalName', externalName: 'a.b' } }, merge),
    ask('PATCH', `${services}/flow`, { spec: { type: 'ExternalName', externalName: 'a.b', clusterIP: '' } }, merge),
    ask('PATCH', `${services}/flow`, { spec: { type: 'ClusterIP' } }, merge),
    ask('DELETE', `${services}/flow`),
    ask('POST', `${rbac}/rolebindings`, {
      metadata: { name: 'flow' },
      roleRef: role,
      subjects: [{ kind: 'User', name: 'u' }],
    }),
    ask('PATCH', `${rbac}/rolebindings/flow`, { roleRef: { name: 'other' } }, merge),
    ask('PATCH', `${rbac}/rolebindings/flow`, { subjects: [{ kind: 'Odd', name: 'u' }] }, merge),
    ask('PATCH', `${rbac}/rolebindings/flow`, { subjects: [] }, merge),
    ask('DELETE', `${rbac}/rolebindings/flow`),
    ask('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 'flow' },
      stringData: { a: 'b' },
      type: 'x/y',
    }),
    ask('PATCH', '/api/v1/namespaces/default/secrets/flow', { type: 'x/z' }, merge),
    ask('PATCH', '/api/v1/namespaces/default/secrets/flow', { data: { a: '!' } }, merge),
    ask('PATCH', '/api/v1/namespaces/default/secrets/flow', { stringData: { c: 'd' }, immutable: true }, merge),
    ask('PATCH', '/api/v1/namespaces/default/secrets/flow', { data: { a: 'Yw==' } }, merge),
    ask('DELETE', '/api/v1/namespaces/default/secrets/flow'),
    ask('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'flow' } }),
    ask('POST', '/api/v1/namespaces/default/serviceaccounts/flow/token', { spec: { audiences: ['a'] } }),
    ask('POST', '/api/v1/namespaces/default/serviceaccounts/flow/token', {
      spec: { boundObjectRef: { kind: 'Secret', name: 'x' } },
    }),
    ask('DELETE', '/api/v1/namespaces/default/serviceaccounts/flow'),
    ask('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {
      metadata: { name: 'flow' },
      spec: { holderIdentity: 'a', leaseTransitions: 3 },
    }),
    ask(
      'PATCH',
      '/apis/coordination.k8s.io/v1/namespaces/default/leases/flow',
      { spec: { leaseTransitions: 2 } },
      merge,
    ),
    ask(
      'PATCH',
      '/apis/coordination.k8s.io/v1/namespaces/default/leases/flow',
      { spec: { leaseDurationSeconds: 0 } },
      merge,
    ),
    ask('POST', '/api/v1/nodes', { metadata: { name: 'flow' } }),
    ask('PATCH', '/api/v1/nodes/flow', { spec: { podCIDR: '10.9.0.0/24' } }, strategic),
    ask('PATCH', '/api/v1/nodes/flow', { spec: { podCIDR: '10.8.0.0/24' } }, strategic),
    ask(
      'PATCH',
      '/api/v1/nodes/flow',
      { spec: { unschedulable: true, taints: [{ key: 'a', effect: 'NoSchedule' }] } },
      strategic,
    ),
    ask('PATCH', '/api/v1/nodes/flow', { spec: { providerID: 'a' } }, strategic),
    ask('PATCH', '/api/v1/nodes/flow', { spec: { providerID: 'b' } }, strategic),
    ask(
      'PATCH',
      '/api/v1/nodes/flow/status',
      { status: { capacity: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] } },
      strategic,
    ),
    ask('DELETE', '/api/v1/nodes/flow'),
  ],
};

export const flows: readonly Flow[] = [
  namespaceLife,
  finalizers,
  pages,
  appliers,
  podLife,
  custom,
  others,
  ...evictions,
];
