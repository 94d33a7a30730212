// Flows of requests on objects of every kind: server-side apply by several managers, strategic and JSON patches, subresources, requests for certificates and tokens, and quotas.
import { base64, certificateRequest } from '../../../../test/support/certificate-request.ts';
import { everyKind } from '../../../../test/support/every-kind-objects.ts';
import { mayBeKept, nameOf } from '../changes.ts';
import type { Json } from '../difference.ts';
import { richObjects } from '../rich-objects.ts';
import { type Comparison, parsed, type WireAnswer, type WireRequest } from './exchange.ts';

type Fields = { [key: string]: Json };

/** A request, or one made of what the same server answered last. */
type Step = WireRequest | ((last: Json) => WireRequest);

const types = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

function ask(method: string, path: string, body?: Json, type = 'application/json'): WireRequest {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const what = `${method} ${path} ${JSON.stringify(body ?? '').slice(0, 220)} (${type.split('/')[1]})`;
  return { what, method, path, headers: { 'content-type': type }, ...text };
}

const shown = ({ body }: WireAnswer): Json => parsed(body);

async function run(comparison: Comparison, name: string, steps: readonly Step[]): Promise<void> {
  let [real, peapod]: [Json, Json] = [null, null];
  for (const step of steps) {
    const [of, asked] = [real, peapod].map((last) => (typeof step === 'function' ? step(last) : step)) as [
      WireRequest,
      WireRequest,
    ];
    const answers = await comparison.askEach(`${name}: ${of.what}`, [of, asked], shown);
    [real, peapod] = [parsed(answers[0].body), parsed(answers[1].body)];
  }
}

const metadataOf = (object: Fields): Fields => (object['metadata'] ?? {}) as Fields;
const withMetadata = (object: Fields, more: Fields): Fields => ({
  ...object,
  metadata: { ...metadataOf(object), ...more },
});

/** Managers that share an object of any kind, and one that comes from client-side apply. */
function applySteps(path: string, given: Fields): Step[] {
  const object = withMetadata(given, { labels: { a: '1', b: '1' } });
  const one = `${path}/${nameOf(object)}`;
  const apply = (manager: string, body: Json, more = ''): WireRequest =>
    ask('PATCH', `${one}?fieldManager=${manager}${more}`, body, types.apply);
  const bare: Fields = {
    apiVersion: object['apiVersion'] ?? '',
    kind: object['kind'] ?? '',
    metadata: { name: nameOf(object) },
  };
  const other = withMetadata(object, { labels: { a: '2', c: '2' } });
  const { status: _, ...ofClient } = object;
  const annotated = withMetadata(ofClient, {
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(ofClient)}\n` },
  });
  const freed = ask('PATCH', one, { metadata: { finalizers: null } }, types.merge);
  return [
    apply('one', object),
    apply('one', object),
    apply('two', other),
    apply('two', other, '&force=true'),
    apply('three', bare),
    apply('two', bare),
    apply('one', withMetadata(bare, { labels: { b: '1' } })),
    ask('PUT', `${one}?fieldManager=four`, withMetadata(object, { labels: { a: '4' } })),
    apply('one', object),
    apply('one', object, '&force=true'),
    ask('PATCH', `${one}/status?fieldManager=five`, { ...bare, status: {} }, types.apply),
    ask('PATCH', `${one}/status?fieldManager=five&force=true`, object, types.apply),
    ask('PATCH', `${one}?fieldManager=six`, { metadata: { managedFields: [] } }, types.merge),
    apply('one', object, '&force=true'),
    freed,
    ask('DELETE', `${one}?gracePeriodSeconds=0`),
    ask('POST', `${path}?fieldManager=kubectl-client-side-apply`, annotated),
    apply('kubectl', withMetadata(ofClient, { labels: { a: '1' } })),
    apply('kubectl', withMetadata(ofClient, { labels: { a: '1' } }), '&force=true'),
    ask('GET', one),
    freed,
    ask('DELETE', `${one}?gracePeriodSeconds=0`),
  ];
}

const templates = '/api/v1/namespaces/default/podtemplates';
const container = (name: string, more: Fields = {}): Fields => ({ name, image: 'i', ...more });
const template: Fields = {
  metadata: { name: 'merged', finalizers: ['example.com/a', 'example.com/b'] },
  template: {
    metadata: { labels: { a: 'b' } },
    spec: {
      containers: [
        container('a', {
          ports: [
            { containerPort: 80, protocol: 'TCP' },
            { containerPort: 80, protocol: 'UDP' },
          ],
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          command: ['x', 'y'],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          resources: { limits: { cpu: '1', memory: '1Mi' } },
        }),
        container('b'),
      ],
      initContainers: [container('i')],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } },
      ],
      tolerations: [{ key: 'k', operator: 'Exists' }],
      imagePullSecrets: [{ name: 's' }],
      hostAliases: [{ ip: '1.2.3.4', hostnames: ['h'] }],
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' }],
      nodeSelector: { n: '1' },
      dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'o', value: '1' }] },
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'z' }] } },
      securityContext: { supplementalGroups: [1], sysctls: [{ name: 'a', value: 'b' }] },
    },
  },
};

/** What each strategic patch says of the pod's spec. */
const strategicSpecs: readonly Fields[] = [
  { containers: [{ name: 'a', image: 'j' }] },
  { containers: [{ name: 'c', image: 'j' }] },
  { containers: [{ name: 'a', $patch: 'delete' }] },
  { containers: [{ name: 'z', $patch: 'delete' }] },
  { containers: [{ $patch: 'delete' }] },
  { containers: [{ $patch: 'replace' }, { name: 'n', image: 'n' }] },
  { containers: [{ name: 'a', $patch: 'replace', image: 'r' }] },
  { containers: [{ name: 'a', $patch: 'merge', image: 'r' }] },
  { containers: [{ name: 'a', $patch: 'odd' }] },
  { containers: [{ image: 'nameless' }] },
  { containers: ['a'] },
  { containers: null },
  { containers: [] },
  { containers: {} },
  { containers: [null] },
  { containers: [{ name: 1 }] },
  { containers: [{ name: 'a' }, { name: 'a', image: 'twice' }] },
  { $setElementOrder: [] },
  { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
  { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'b', image: 'k' }] },
  { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'c', image: 'k' }] },
  {
    '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
    containers: [{ name: 'c', image: 'k' }],
  },
  { '$setElementOrder/containers': [{}] },
  { '$setElementOrder/containers': ['a'] },
  { '$setElementOrder/containers': 'a' },
  { '$setElementOrder/tolerations': [{ key: 'k' }] },
  { '$setElementOrder/nosuch': [] },
  { '$deleteFromPrimitiveList/containers': ['a'] },
  { '$deleteFromPrimitiveList/tolerations': ['a'] },
  { $retainKeys: ['containers'] },
  { $retainKeys: ['nosuch'], hostname: 'h' },
  { $patch: 'replace', containers: [container('only')] },
  { $patch: 'delete' },
  { $patch: 'merge', hostname: 'm' },
  { $patch: 1 },
  { containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 1 }] }] },
  { containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 'UDP', hostPort: 1 }] }] },
  { containers: [{ name: 'a', ports: [{ containerPort: 80, $patch: 'delete' }] }] },
  { containers: [{ name: 'a', ports: [{ protocol: 'UDP' }] }] },
  { containers: [{ name: 'a', ports: null }] },
  {
    containers: [
      {
        name: 'a',
        env: [
          { name: 'A', value: '9' },
          { name: 'C', value: '3' },
        ],
      },
    ],
  },
  { containers: [{ name: 'a', env: [{ name: 'A', $patch: 'delete' }] }] },
  {
    containers: [
      { name: 'a', env: [{ name: 'A', value: null, valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
    ],
  },
  { containers: [{ name: 'a', '$setElementOrder/env': [{ name: 'B' }, { name: 'A' }] }] },
  { containers: [{ name: 'a', command: ['z'] }] },
  { containers: [{ name: 'a', command: null }] },
  { containers: [{ name: 'a', volumeMounts: [{ mountPath: '/v', readOnly: true }] }] },
  { containers: [{ name: 'a', volumeMounts: [{ name: 'v', mountPath: '/w' }] }] },
  { containers: [{ name: 'a', volumeMounts: [{ name: 'v' }] }] },
  { containers: [{ name: 'a', resources: { limits: { cpu: null } } }] },
  { containers: [{ name: 'a', resources: { $patch: 'replace', limits: { cpu: '2' } } }] },
  { containers: [{ name: 'a', resources: { limits: { $patch: 'replace', cpu: '2' } } }] },
  { volumes: [{ name: 'v', emptyDir: null, hostPath: { path: '/' } }] },
  { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
  { volumes: [{ name: 'v', $retainKeys: ['name'], hostPath: { path: '/' } }] },
  { volumes: [{ name: 'v', $retainKeys: 'name' }] },
  { volumes: [{ name: 'v', $retainKeys: [1] }] },
  { volumes: [{ name: 'w', configMap: { items: [{ key: 'l', path: 'q' }] } }] },
  { volumes: [{ name: 'w', configMap: { $patch: 'replace', name: 'other' } }] },
  { volumes: [{ $patch: 'replace' }] },
  { tolerations: [{ key: 'l', operator: 'Exists' }] },
  { tolerations: [{ $patch: 'delete' }] },
  { imagePullSecrets: [{ name: 't' }] },
  { imagePullSecrets: [{ name: 's', $patch: 'delete' }] },
  { hostAliases: [{ ip: '1.2.3.4', hostnames: ['i'] }] },
  { hostAliases: [{ ip: '1.2.3.5', hostnames: ['i'] }] },
  { topologySpreadConstraints: [{ topologyKey: 'z', maxSkew: 2 }] },
  { topologySpreadConstraints: [{ topologyKey: 'y', maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' }] },
  { nodeSelector: { n: null, m: '2' } },
  { nodeSelector: { $patch: 'replace', m: '2' } },
  { nodeSelector: { $patch: 'delete' } },
  { dnsConfig: { nameservers: ['2.2.2.2'], options: [{ name: 'o', value: '2' }] } },
  { dnsConfig: { '$deleteFromPrimitiveList/nameservers': ['1.1.1.1'] } },
  { affinity: { $retainKeys: ['nodeAffinity'] } },
  { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'y' }] } } },
  { securityContext: { supplementalGroups: [2], sysctls: [{ name: 'a', value: 'c' }] } },
  { initContainers: [{ name: 'i', $patch: 'delete' }] },
  { ephemeralContainers: [{ name: 'e', image: 'e' }] },
  { nosuch: { a: 1 } },
  { hostname: 1 },
];

const strategicMetadata: readonly Fields[] = [
  { finalizers: ['example.com/c'] },
  { finalizers: ['example.com/a', 'example.com/c'] },
  { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] },
  { '$deleteFromPrimitiveList/finalizers': ['example.com/z'] },
  { '$deleteFromPrimitiveList/finalizers': 'example.com/a' },
  { '$setElementOrder/finalizers': ['example.com/b', 'example.com/a'] },
  { '$setElementOrder/finalizers': ['example.com/b', 'example.com/a', 'example.com/c'], finalizers: ['example.com/c'] },
  { '$setElementOrder/finalizers': ['example.com/b'], finalizers: ['example.com/c'] },
  { '$setElementOrder/finalizers': [1] },
  { finalizers: null },
  { finalizers: [{ a: 1 }] },
  { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }] },
  { ownerReferences: [{ uid: 'u', $patch: 'delete' }] },
  { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o' }] },
  { labels: { $patch: 'replace', c: 'd' } },
  { labels: { $retainKeys: ['c'], c: 'd' } },
  { annotations: null },
  { $patch: 'delete' },
  { $patch: 'replace', name: 'merged' },
  { $retainKeys: ['name'] },
];

const strategicSteps: readonly Step[] = [
  ask('POST', templates, template),
  ...strategicSpecs.map((spec) =>
    ask('PATCH', `${templates}/merged?dryRun=All`, { template: { spec } }, types.strategic),
  ),
  ...strategicMetadata.map((metadata) => ask('PATCH', `${templates}/merged?dryRun=All`, { metadata }, types.strategic)),
];

const target = `${templates}/merged?dryRun=All`;
const op = (name: string, path: Json, more: Fields = {}): Fields => ({ op: name, path, ...more });
const spec = '/template/spec';
const jsonPatches: readonly Json[] = [
  [op('test', '/metadata/name', { value: 'merged' })],
  [op('test', '/metadata/name', { value: 'x' })],
  [op('test', '/metadata/nosuch', { value: null })],
  [op('test', '/metadata/nosuch', { value: 'x' })],
  [op('test', '/metadata/nosuch/x', { value: null })],
  [op('test', '/template/metadata/labels', { value: { a: 'b' } })],
  [op('test', `${spec}/containers/0/command`, { value: ['x', 'y'] })],
  [op('test', `${spec}/containers/0/command`, { value: ['y', 'x'] })],
  [op('test', `${spec}/containers/0/ports/0/containerPort`, { value: 80 })],
  [op('test', `${spec}/containers/0/ports/0/containerPort`, { value: 80.0 })],
  [op('test', `${spec}/containers/0/ports/0/containerPort`, { value: '80' })],
  [op('test', '/metadata/name')],
  [op('add', `${spec}/containers/-`, { value: container('z') })],
  [op('add', `${spec}/containers/0`, { value: container('z') })],
  [op('add', `${spec}/containers/2`, { value: container('z') })],
  [op('add', `${spec}/containers/3`, { value: container('z') })],
  [op('add', `${spec}/containers/-1`, { value: container('z') })],
  [op('add', `${spec}/containers/01`, { value: container('z') })],
  [op('add', `${spec}/containers/x`, { value: container('z') })],
  [op('add', `${spec}/containers/`, { value: container('z') })],
  [op('remove', `${spec}/containers/-`)],
  [op('remove', `${spec}/containers/0`)],
  [op('remove', `${spec}/containers/5`)],
  [op('remove', `${spec}/containers/-1`)],
  [op('remove', `${spec}/containers/00`)],
  [op('replace', `${spec}/containers/-`, { value: container('z') })],
  [op('replace', `${spec}/containers/5`, { value: container('z') })],
  [op('replace', `${spec}/containers/-1`, { value: container('z') })],
  [op('replace', '/metadata/nosuch', { value: 'x' })],
  [op('replace', '/nosuch/x', { value: 'x' })],
  [op('replace', `${spec}/hostname`, { value: 'h' })],
  [op('replace', `${spec}/nodeSelector`)],
  [op('replace', `${spec}/nodeSelector`, { value: null })],
  [op('add', '/nosuch/deep/x', { value: 1 })],
  [op('add', '/metadata/annotations/a', { value: 'x' })],
  [op('add', '/metadata/labels/a~1b', { value: 'x' })],
  [op('add', '/metadata/labels', { value: { 'a/b': 'x', 'c~d': 'y' } }), op('remove', '/metadata/labels/a~1b')],
  [op('add', '/metadata/labels', { value: { 'a/b': 'x' } }), op('replace', '/metadata/labels/a~1b', { value: 'y' })],
  [op('add', '/metadata/labels', { value: { 'a/b': 'x' } }), op('remove', '/metadata/labels/a~2b')],
  [op('add', 'metadata/labels', { value: {} })],
  [op('add', '', { value: template })],
  [op('replace', '', { value: template })],
  [op('remove', '')],
  [op('test', '', { value: {} })],
  [op('add', '/', { value: 1 })],
  [op('copy', '/metadata/labels', { from: '/template/metadata/labels' })],
  [op('copy', `${spec}/containers/-`, { from: `${spec}/containers/0` })],
  [op('copy', `${spec}/containers/0/x`, { from: `${spec}/containers` })],
  [op('copy', '/metadata/labels', { from: '/nosuch' })],
  [op('copy', '/metadata/labels', { from: '/nosuch/deep' })],
  [op('copy', '/metadata/labels')],
  [op('copy', '', { from: '/metadata' })],
  [op('move', '/metadata/labels', { from: '/template/metadata/labels' })],
  [op('move', `${spec}/containers/0`, { from: `${spec}/containers/1` })],
  [op('move', `${spec}/containers/0/env`, { from: `${spec}/containers/0` })],
  [op('move', '/metadata/labels', { from: '/nosuch' })],
  [op('move', '/metadata/name', { from: '/metadata/name' })],
  [op('move', '/metadata/labels')],
  [op('odd', '/metadata')],
  [op('', '/metadata')],
  [{ path: '/metadata' }],
  [{ op: 'remove' }],
  [{ op: 1, path: '/metadata' }],
  [op('remove', 1)],
  [op('remove', null)],
  [op('add', '/metadata/labels', { value: { x: 'y' }, nosuch: 1 })],
  [null],
  ['x'],
  [1],
  [[]],
  [],
  {},
  null,
  'x',
  [
    op('add', '/metadata/labels', { value: {} }),
    op('test', '/metadata/nosuch', { value: 1 }),
    op('remove', '/metadata'),
  ],
  Array.from({ length: 10_000 }, () => op('test', '/metadata/name', { value: 'merged' })),
  Array.from({ length: 10_001 }, () => op('test', '/metadata/name', { value: 'merged' })),
  [
    op('add', '/metadata/annotations', { value: { a: 'x'.repeat(100_000) } }),
    ...Array.from({ length: 40 }, (_, i) =>
      op('copy', `/metadata/annotations/b${i}`, { from: '/metadata/annotations/a' }),
    ),
  ],
];

const jsonPatchSteps: readonly Step[] = [
  ...jsonPatches.map((patch) => ask('PATCH', target, patch, types.json)),
  ...jsonPatches.slice(0, -3).map((patch) => ask('PATCH', `${target}&fieldValidation=Strict`, patch, types.json)),
];

const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, more: Fields = {}): Fields => ({
  metadata: { name },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        resources: { requests: { cpu: '1', memory: '1Mi' }, limits: { cpu: '1', memory: '1Mi' } },
      },
    ],
    ...more,
  },
});
const resize = (resources: Fields, name = 'c'): Json => ({ spec: { containers: [{ name, resources }] } });
const debug = (name: string, more: Fields = {}): Json => ({
  spec: { ephemeralContainers: [{ name, image: 'd', ...more }] },
});

const podSteps: readonly Step[] = [
  ask('POST', pods, pod('flown')),
  ...['GET', 'PUT', 'PATCH', 'DELETE', 'POST'].flatMap((method) =>
    ['binding', 'resize', 'ephemeralcontainers', 'status', 'nosuch'].map((sub) =>
      ask(
        method,
        `${pods}/flown/${sub}`,
        method === 'GET' ? undefined : {},
        method === 'PATCH' ? types.merge : undefined,
      ),
    ),
  ),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Node', name: 'n' }, metadata: { name: 'other' } }),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Node', name: 'n' }, metadata: { name: 'flown', uid: 'x' } }),
  ask('POST', `${pods}/flown/binding`, {
    target: { kind: 'Node', name: 'n' },
    metadata: { name: 'flown', resourceVersion: '1' },
  }),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Pod', name: 'n' } }),
  ask('POST', `${pods}/flown/binding`, { target: { name: '' } }),
  ask('POST', `${pods}/flown/binding?dryRun=All`, { target: { name: 'n' } }),
  ask('POST', `${pods}/flown/binding`, {
    target: { name: 'n' },
    metadata: { annotations: { a: 'b' }, labels: { l: 'm' } },
  }),
  ask('GET', `${pods}/flown`),
  ask('POST', `${pods}/flown/binding`, { target: { name: 'm' } }),
  ask('POST', '/api/v1/namespaces/default/bindings', { metadata: { name: 'flown' }, target: { name: 'm' } }),
  ask('POST', '/api/v1/namespaces/default/bindings', { metadata: { name: 'nosuch' }, target: { name: 'm' } }),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: '2' }, limits: { cpu: '2' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: '3' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: null }, limits: { cpu: null } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { 'ephemeral-storage': '1' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({}, 'nosuch'), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, { spec: { containers: [{ name: 'c', image: 'j' }] } }, types.strategic),
  ask('PATCH', `${pods}/flown/resize`, { metadata: { labels: { a: 'b' } } }, types.merge),
  ask('PATCH', `${pods}/flown`, resize({ requests: { cpu: '1' }, limits: { cpu: '1' } }), types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/resize?fieldManager=r`,
    { apiVersion: 'v1', kind: 'Pod', ...(resize({ limits: { cpu: '4' }, requests: { cpu: '4' } }) as Fields) },
    types.apply,
  ),
  ask(
    'PATCH',
    `${pods}/flown/resize?fieldManager=r&force=true`,
    { apiVersion: 'v1', kind: 'Pod', ...(resize({ limits: { cpu: '4' }, requests: { cpu: '4' } }) as Fields) },
    types.apply,
  ),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('d'), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('d', { image: 'e' }), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('c'), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('e', { ports: [{ containerPort: 1 }] }), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('e', { targetContainerName: 'nosuch' }), types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    debug('e', { resources: { limits: { cpu: '1' } } }),
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    debug('e', { livenessProbe: { exec: { command: ['a'] } } }),
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    { spec: { ephemeralContainers: [{ name: 'd', $patch: 'delete' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    { spec: { containers: [{ name: 'c', image: 'z' }] } },
    types.strategic,
  ),
  (last) => ask('PUT', `${pods}/flown/ephemeralcontainers`, last),
  ask('GET', `${pods}/flown/ephemeralcontainers`),
  ask('GET', `${pods}/flown/resize`),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: 5 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: 9 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: null } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { tolerations: [] } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { terminationGracePeriodSeconds: 1 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { nodeName: 'x' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { phase: 'Odd' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { phase: 'Running', podIPs: [{ ip: 'x' }] } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { podIPs: [{ ip: '1.2.3.4' }], podIP: '1.2.3.5' } }, types.merge),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'Ready', status: 'False' },
        ],
      },
    },
    types.merge,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'A' }, { type: 'Ready' }],
        conditions: [{ type: 'A', status: 'False' }],
      },
    },
    types.strategic,
  ),
  ask('PATCH', `${pods}/flown/status`, { status: { conditions: [{ type: 'A', $patch: 'delete' }] } }, types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        containerStatuses: [
          { name: 'c', ready: true, restartCount: 0, image: 'i', imageID: '', state: { running: {} } },
        ],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    { status: { containerStatuses: [{ name: 'nosuch', ready: true, restartCount: 0, image: 'i', imageID: '' }] } },
    types.merge,
  ),
  ask('PATCH', `${pods}/flown/status`, { status: { observedGeneration: -1 } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { hostIP: 'x' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { qosClass: 'Burstable' } }, types.merge),
  ask(
    'PATCH',
    `${pods}/flown/status?fieldManager=s`,
    { apiVersion: 'v1', kind: 'Pod', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=5`),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=9`),
  ask('DELETE', `${pods}/flown`),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=2`),
  ask('POST', `${pods}/flown/binding`, { target: { name: 'n' } }),
  ask('PATCH', `${pods}/flown`, { metadata: { finalizers: ['example.com/a'] } }, types.merge),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=0`),
  ask('GET', `${pods}/flown`),
  ask('POST', pods, pod('gated', { schedulingGates: [{ name: 'a.b/c' }] })),
  ask('POST', `${pods}/gated/binding`, { target: { name: 'n' } }),
  ask('PATCH', `${pods}/gated`, { spec: { schedulingGates: [{ name: 'a.b/d' }] } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { nodeSelector: { a: 'b' } } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { schedulingGates: null } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { nodeSelector: { a: 'c' } } }, types.merge),
  ask('DELETE', `${pods}/gated`),
];

const accounts = '/api/v1/namespaces/default/serviceaccounts';
const tokenSpecs: readonly Json[] = [
  {},
  { audiences: [] },
  { audiences: [''] },
  { audiences: ['a', 'a'] },
  { expirationSeconds: 599 },
  { expirationSeconds: 600 },
  { expirationSeconds: 4_294_967_296 },
  { expirationSeconds: 4_294_967_297 },
  { expirationSeconds: -1 },
  { boundObjectRef: {} },
  { boundObjectRef: { kind: 'Pod', name: 'bound' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: 'x' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Pod', apiVersion: 'v2', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'bound' } },
  { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'Node', apiVersion: 'v1', name: 'nosuch' } },
  { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } },
];
const tokenSteps: readonly Step[] = [
  ask('POST', accounts, { metadata: { name: 'tokened' } }),
  ask('POST', pods, pod('bound')),
  ask('POST', pods, pod('its', { serviceAccountName: 'tokened' })),
  ask('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'bound' }, stringData: { a: 'b' } }),
  ...tokenSpecs.map((spec) => ask('POST', `${accounts}/tokened/token`, { spec })),
  ask('POST', `${accounts}/tokened/token?dryRun=All`, { spec: {} }),
  ask('POST', `${accounts}/tokened/token`, { metadata: { name: 'other' }, spec: {} }),
  ask('POST', `${accounts}/tokened/token`, { metadata: { name: 'tokened', namespace: 'other' }, spec: {} }),
  ask('POST', `${accounts}/tokened/token`, {}),
  ask('POST', `${accounts}/tokened/token`, {
    spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'its' } },
  }),
  ask('POST', `${accounts}/nosuch/token`, { spec: {} }),
  ask('GET', `${accounts}/tokened/token`),
  ...[
    {},
    { 'kubernetes.io/service-account.name': 'nosuch' },
    { 'kubernetes.io/service-account.name': 'tokened' },
    { 'kubernetes.io/service-account.name': 'tokened', 'kubernetes.io/service-account.uid': 'x' },
  ].flatMap((annotations, i) => [
    ask('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: `token-${i}`, annotations },
      type: 'kubernetes.io/service-account-token',
    }),
  ]),
  ask(
    'PATCH',
    '/api/v1/namespaces/default/secrets/token-2',
    { metadata: { annotations: { 'kubernetes.io/service-account.name': 'default' } } },
    types.merge,
  ),
  ask(
    'PATCH',
    '/api/v1/namespaces/default/secrets/token-2',
    { metadata: { annotations: { 'kubernetes.io/service-account.name': null } } },
    types.merge,
  ),
  ...[
    'bootstrap.kubernetes.io/token',
    'kubernetes.io/tls',
    'kubernetes.io/basic-auth',
    'kubernetes.io/ssh-auth',
    'kubernetes.io/dockercfg',
    'kubernetes.io/dockerconfigjson',
  ].flatMap((type) => [
    ask('POST', '/api/v1/namespaces/default/secrets?dryRun=All', { metadata: { name: 'typed' }, type }),
    ask('POST', '/api/v1/namespaces/default/secrets?dryRun=All', {
      metadata: { name: 'typed' },
      type,
      stringData: {
        '.dockercfg': 'x',
        '.dockerconfigjson': '{}',
        'tls.crt': '',
        'tls.key': '',
        username: '',
        'ssh-privatekey': '',
      },
    }),
  ]),
];

const quotas = '/api/v1/namespaces/limited/resourcequotas';
const limitedPods = '/api/v1/namespaces/limited/pods';
const quotaSteps: readonly Step[] = [
  ask('POST', '/api/v1/namespaces', { metadata: { name: 'limited' } }),
  ask('POST', '/api/v1/namespaces/limited/serviceaccounts', { metadata: { name: 'default' } }),
  ask('POST', quotas, {
    metadata: { name: 'q' },
    spec: { hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/configmaps': '2', services: '0' } },
  }),
  ask('POST', limitedPods, pod('early')),
  ask(
    'PATCH',
    `${quotas}/q/status`,
    {
      status: {
        hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/configmaps': '1', services: '0' },
        used: { pods: '0', 'requests.cpu': '0', 'limits.memory': '0', 'count/configmaps': '0', services: '0' },
      },
    },
    types.merge,
  ),
  ask('POST', limitedPods, { metadata: { name: 'bare' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
  ask('POST', `${limitedPods}?dryRun=All`, pod('dry')),
  ask('POST', limitedPods, pod('first')),
  ask('GET', `${quotas}/q`),
  ask('POST', limitedPods, pod('second')),
  ask('POST', `${limitedPods}?dryRun=All`, pod('second')),
  ask('POST', limitedPods, {
    metadata: { name: 'large' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '5', memory: '9Gi' } } }] },
  }),
  ask('POST', '/api/v1/namespaces/limited/services', { metadata: { name: 's' }, spec: { ports: [{ port: 1 }] } }),
  ask('POST', '/api/v1/namespaces/limited/configmaps', { metadata: { name: 'a' } }),
  ask('POST', '/api/v1/namespaces/limited/configmaps', { metadata: { name: 'b' } }),
  ask(
    'PATCH',
    '/api/v1/namespaces/limited/configmaps/b?fieldManager=f',
    { apiVersion: 'v1', kind: 'ConfigMap' },
    types.apply,
  ),
  ask('POST', quotas, { metadata: { name: 'scoped' }, spec: { hard: { pods: '0' }, scopes: ['BestEffort'] } }),
  ask('PATCH', `${quotas}/scoped/status`, { status: { hard: { pods: '0' }, used: { pods: '0' } } }, types.merge),
  ask('PATCH', `${quotas}/scoped`, { spec: { scopes: ['NotBestEffort'] } }, types.merge),
  ask('POST', limitedPods, { metadata: { name: 'effort' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
  ask('DELETE', `${limitedPods}/first?gracePeriodSeconds=0`),
  ask('GET', `${quotas}/q`),
  ask('POST', '/api/v1/namespaces/limited/limitranges', {
    metadata: { name: 'l' },
    spec: {
      limits: [
        { type: 'Container', max: { cpu: '500m' }, min: { memory: '2Mi' }, maxLimitRequestRatio: { memory: '1' } },
        { type: 'Pod', max: { cpu: '600m' } },
      ],
    },
  }),
  ask('POST', limitedPods, pod('ranged')),
  ask('POST', limitedPods, { metadata: { name: 'defaulted' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
];

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const signers: readonly [string, string, string[]][] = [
  ['kubernetes.io/kube-apiserver-client', 'CN=jane,O=dev', ['client auth']],
  ['kubernetes.io/kube-apiserver-client', 'CN=jane,O=system:masters', ['client auth']],
  [
    'kubernetes.io/kube-apiserver-client-kubelet',
    'CN=system:node:n,O=system:nodes',
    ['client auth', 'digital signature'],
  ],
  ['kubernetes.io/kubelet-serving', 'CN=system:node:n,O=system:nodes', ['server auth', 'digital signature']],
  ['kubernetes.io/legacy-unknown', 'CN=jane', ['client auth']],
  ['example.com/own', 'CN=jane', ['client auth', 'any']],
];

async function certificateSteps(): Promise<Step[]> {
  const condition = (type: string, more: Fields = {}): Json => ({
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    ...more,
  });
  const ofSigners = signers.map(async ([signerName, subject, usages], i): Promise<Step[]> => {
    const { pem } = await certificateRequest(subject);
    const one = `${csrs}/flow-${i}`;
    const approve = (conditions: Json[], sub = 'approval'): WireRequest =>
      ask('PATCH', `${one}/${sub}`, { status: { conditions } }, types.merge);
    return [
      ask('POST', csrs, { metadata: { name: `flow-${i}` }, spec: { signerName, request: base64(pem), usages } }),
      ask('PATCH', one, { spec: { usages: ['any'] } }, types.merge),
      ask('PATCH', one, { status: { conditions: [condition('Approved')] } }, types.merge),
      approve([condition('Approved', { status: 'False' })]),
      approve([condition('Odd')]),
      approve([condition('Approved'), condition('Approved')]),
      approve([condition('Approved'), condition('Denied')]),
      ask('PATCH', `${one}/status`, { status: { certificate: base64('x') } }, types.merge),
      approve(i % 2 === 0 ? [condition('Approved')] : [condition('Denied')]),
      approve([]),
      approve([condition('Denied')]),
      approve([condition('Approved'), condition('Failed')], 'status'),
      ask('PATCH', `${one}/status`, { status: { certificate: base64('x') } }, types.merge),
      ask('PATCH', `${one}/status`, { status: { certificate: base64(pem) } }, types.merge),
      ask('PATCH', `${one}/status`, { status: { certificate: null } }, types.merge),
      ask('GET', `${one}/approval`),
      ask('GET', `${one}/status`),
      ask(
        'PATCH',
        `${one}/approval?fieldManager=a`,
        {
          apiVersion: 'certificates.k8s.io/v1',
          kind: 'CertificateSigningRequest',
          status: { conditions: [condition('Approved')] },
        },
        types.apply,
      ),
      ask('DELETE', `${one}/approval`),
      ask('DELETE', one),
    ];
  });
  const { pem } = await certificateRequest('CN=jane');
  const made = (spec: Fields): WireRequest =>
    ask('POST', `${csrs}?dryRun=All`, {
      metadata: { name: 'odd' },
      spec: { signerName: 'example.com/own', request: base64(pem), usages: ['client auth'], ...spec },
    });
  const odd = [
    { usages: [] },
    { usages: ['odd'] },
    { usages: ['client auth', 'client auth'] },
    { signerName: '' },
    { signerName: 'odd' },
    { signerName: 'a.b/c/d' },
    { signerName: 'A.b/c' },
    { signerName: `${'a'.repeat(300)}.b/c` },
    { expirationSeconds: 599 },
    { expirationSeconds: 600 },
    { request: base64('x') },
    { request: base64(pem.replace('REQUEST', 'ODD')) },
    { request: base64(pem + pem) },
    { request: base64(`${pem}more`) },
    { request: base64(pem.replace(/[A-Z]{4}/, '====')) },
    { username: 'me', groups: ['g'], uid: 'u', extra: { a: ['b'] } },
  ].map((spec) => made(spec as Fields));
  return [...(await Promise.all(ofSigners)).flat(), ...odd];
}

const nodes = '/api/v1/nodes';
const nodeSteps: readonly Step[] = [
  ask('POST', nodes, { metadata: { name: 'flown' }, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: [{ key: 'b', effect: 'NoExecute' }] } }, types.strategic),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: [{ key: 'b', $patch: 'delete' }] } }, types.strategic),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: null } }, types.strategic),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '1.2.3.4' }],
        capacity: { cpu: '4' },
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    { status: { addresses: [{ type: 'InternalIP', address: '1.2.3.5' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        '$setElementOrder/addresses': [{ type: 'Hostname' }, { type: 'InternalIP' }],
        addresses: [{ type: 'Hostname', address: 'h' }],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    { status: { addresses: [{ type: 'InternalIP', $patch: 'delete' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'A' }, { type: 'Ready' }],
        conditions: [{ type: 'A', status: 'Unknown' }],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status?fieldManager=a`,
    { apiVersion: 'v1', kind: 'Node', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status?fieldManager=a&force=true`,
    { apiVersion: 'v1', kind: 'Node', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask('PATCH', `${nodes}/flown/status?fieldManager=a`, { apiVersion: 'v1', kind: 'Node', status: {} }, types.apply),
  ask('PATCH', `${nodes}/flown/status`, { metadata: { labels: { a: 'b' } } }, types.merge),
  ask('DELETE', `${nodes}/flown`),
  ask('POST', '/api/v1/namespaces', { metadata: { name: 'final' } }),
  ...['GET', 'PATCH', 'DELETE', 'POST'].map((method) =>
    ask(
      method,
      '/api/v1/namespaces/final/finalize',
      method === 'GET' ? undefined : {},
      method === 'PATCH' ? types.merge : undefined,
    ),
  ),
  ask('PUT', '/api/v1/namespaces/final/finalize', {}),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'other' } }),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'final' }, spec: { finalizers: ['bad'] } }),
  ask('PUT', '/api/v1/namespaces/final/finalize', {
    metadata: { name: 'final', labels: { a: 'b' } },
    spec: { finalizers: ['a.b/c', 'kubernetes'] },
  }),
  ask('PATCH', '/api/v1/namespaces/final', { spec: { finalizers: [] } }, types.merge),
  ask('PATCH', '/api/v1/namespaces/final/status', { status: { phase: 'Terminating' } }, types.merge),
  ask(
    'PATCH',
    '/api/v1/namespaces/final/status',
    { status: { conditions: [{ type: 'A', status: 'True' }] } },
    types.strategic,
  ),
  ask('DELETE', '/api/v1/namespaces/final?propagationPolicy=Orphan'),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'final' }, spec: {} }),
  ask('GET', '/api/v1/namespaces/final'),
];

export async function compareFlows(comparison: Comparison, paths: ReadonlyMap<string, string>): Promise<void> {
  await run(comparison, 'strategic', strategicSteps);
  await Promise.all([
    run(comparison, 'json patch', jsonPatchSteps),
    run(comparison, 'pods', podSteps),
    run(comparison, 'tokens', tokenSteps),
    run(comparison, 'quotas', quotaSteps),
    run(comparison, 'nodes and namespaces', nodeSteps),
    run(comparison, 'certificates', await certificateSteps()),
  ]);
  const { pem } = await certificateRequest('CN=jane');
  for (const [name, object] of [...everyKind({ namespace: 'applied', request: base64(pem) }), ...richObjects]) {
    const path = paths.get(`${String(object['apiVersion'])}/${String(object['kind'])}`);
    if (path !== undefined && mayBeKept(object as Fields))
      await run(comparison, `applied ${name}`, applySteps(path, object as Fields));
  }
}
