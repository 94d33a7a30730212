// What clients ask that no object's variants cover: forms of answers, selectors, pages, watches, options, odd bodies and odd paths. Nothing of it is kept.
import type { Request } from './changes.ts';
import type { Json } from './difference.ts';

const pods = '/api/v1/namespaces/default/pods';
const maps = '/api/v1/namespaces/default/configmaps';
const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'asked' }, data: { a: 'b' } };
const long = (length: number): string => 'a'.repeat(length);

const get = (path: string, more: Partial<Request> = {}): Request => ({
  what: `GET ${path} ${JSON.stringify(more)}`,
  method: 'GET',
  path,
  ...more,
});

function send(method: string, path: string, body: Json | undefined, more: Partial<Request> = {}): Request {
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  return {
    what: `${method} ${path} ${(text ?? '').slice(0, 200)} ${JSON.stringify(more)}`.slice(0, 400),
    method,
    path,
    ...(text === undefined ? {} : { body: text }),
    ...more,
  };
}

const post = (path: string, body: Json | undefined, more?: Partial<Request>): Request => send('POST', path, body, more);

const accepts = [
  'application/json;as=Table;g=meta.k8s.io;v=v1',
  'application/json;as=Table;g=meta.k8s.io;v=v1beta1',
  'application/json;as=Table;g=meta.k8s.io;v=v2',
  'application/json;as=Table;g=x;v=v1,application/json',
  'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  'application/json;as=Odd;g=meta.k8s.io;v=v1',
  'application/json;as=Odd;g=meta.k8s.io;v=v1,application/json;q=0.5',
  'application/xml',
  'application/xml, */*',
  '*/*',
  'application/*',
  'text/html',
  'application/json;stream=watch',
  'application/json;pretty=1',
  'application/json;profile=x',
  'application/cbor',
  '',
];

function* forms(): Generator<Request> {
  for (const accept of accepts) {
    yield get('/api/v1/namespaces/kube-system', { accept });
    yield get('/api/v1/namespaces/nosuch', { accept });
    yield get('/api/v1/nosuch', { accept });
    yield get('/version', { accept });
    yield get(`${maps}?labelSelector=no%3Dsuch`, { accept });
    yield post(`${maps}?dryRun=All`, map, { accept });
  }
  const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
  for (const include of ['None', 'Metadata', 'Object', 'Odd', ''])
    yield get(`/api/v1/namespaces/kube-system?includeObject=${include}`, { accept: table });
  for (const pretty of ['true', '1', 'false', 'odd', '']) yield get(`/api/v1/namespaces/kube-system?pretty=${pretty}`);
}

const listOptions = [
  'limit=-1',
  'limit=0',
  'limit=1.5',
  'limit=99999999999999999999',
  'limit=',
  'continue=!!',
  'continue=e30',
  'continue=abc&resourceVersion=1',
  'resourceVersion=-1',
  'resourceVersion=1.5',
  'resourceVersion=0&resourceVersionMatch=Exact',
  'resourceVersion=1&resourceVersionMatch=Odd',
  'resourceVersionMatch=NotOlderThan',
  'resourceVersion=&resourceVersionMatch=Exact',
  'continue=abc&resourceVersionMatch=NotOlderThan',
  'sendInitialEvents=true',
  'sendInitialEvents=odd',
  'watch=1&sendInitialEvents=true&timeoutSeconds=1',
  'watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&timeoutSeconds=1',
  'watch=1&resourceVersionMatch=NotOlderThan&timeoutSeconds=1',
  'watch=odd',
  'watch=1&resourceVersion=odd',
  'watch=1&resourceVersion=-1',
  'watch=1&continue=abc&timeoutSeconds=1',
  'watch=1&limit=1&timeoutSeconds=1&labelSelector=no%3Dsuch',
  'watch=1&timeoutSeconds=1&labelSelector=no%3Dsuch',
  'watch=1&timeoutSeconds=1&labelSelector=no%3Dsuch&allowWatchBookmarks=true',
  'watch=1&timeoutSeconds=1&allowWatchBookmarks=odd&labelSelector=no%3Dsuch',
  'watch=1&timeoutSeconds=1&fieldSelector=odd%3Dx',
  'watch=1&timeoutSeconds=1&labelSelector=%21%21',
  'timeoutSeconds=-1',
  'timeoutSeconds=odd',
  'timeout=1s',
  'timeout=odd',
  'timeout=-1s',
  'timeout=1h',
  'odd=x',
  'labelSelector=a',
  'labelSelector=!a',
  'labelSelector=a!%3Db',
  'labelSelector=a%3D%3Db,c',
  'labelSelector=a%20in%20(b,c)',
  'labelSelector=a%20in%20()',
  'labelSelector=a%20notin%20(b',
  'labelSelector=a%3Eb',
  'labelSelector=a%3E1',
  'labelSelector=a%3D-b',
  'labelSelector=a/b/c%3Dx',
  `labelSelector=${long(64)}%3Dx`,
  `labelSelector=a%3D${long(64)}`,
  'labelSelector=,',
  'labelSelector=a,,b',
  'labelSelector=a%3Db%3Dc',
  'labelSelector=a&labelSelector=b',
  'fieldSelector=metadata.name%3Da,metadata.name%3Db',
  'fieldSelector=metadata.name!%3Da,metadata.namespace%3Ddefault&limit=0',
  'fieldSelector=metadata.name',
  'fieldSelector=metadata.name%3D%3Da',
  'fieldSelector=metadata.name%3DBad%20Name',
  'fieldSelector=metadata.namespace%3Dother',
  'fieldSelector=metadata.name%3Da%5C',
  'fieldSelector=metadata.name%3Da%5C%2Cb',
  'fieldSelector=spec.x%3D1',
  'fieldSelector=,',
  'fieldSelector=%3Da',
];

function* lists(): Generator<Request> {
  for (const options of listOptions) {
    yield get(`${maps}?${options}`);
    yield get(`${maps}/nosuch?${options}`);
  }
  for (const options of ['resourceVersion=abc', 'resourceVersion=0', 'resourceVersion=99999999', 'resourceVersion=-1'])
    yield get(`${maps}/nosuch?${options}`);
  const labels = ['spec.nodeName', 'status.phase', 'type', 'spec.unschedulable', 'reason', 'spec.signerName', 'spec.a'];
  for (const at of ['/api/v1/pods', '/api/v1/secrets', '/api/v1/nodes', '/api/v1/events', '/api/v1/namespaces'])
    for (const label of labels) yield get(`${at}?fieldSelector=${label}%3Dnosuch`);
  yield get('/apis/events.k8s.io/v1/events?fieldSelector=reason%3Dx,involvedObject.kind%3Dy');
  yield get('/apis/events.k8s.io/v1/events?fieldSelector=regarding.kind%3Dy');
  yield get('/apis/certificates.k8s.io/v1/certificatesigningrequests?fieldSelector=spec.signerName%3Dx');
  yield get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldSelector=spec.group%3Dx');
}

function* writes(): Generator<Request> {
  const options = [
    'dryRun=Odd',
    'dryRun=All&dryRun=All',
    'dryRun=All&dryRun=Odd',
    'dryRun=',
    'dryRun=true',
    'dryRun=All&fieldManager=',
    `dryRun=All&fieldManager=${long(129)}`,
    `dryRun=All&fieldManager=${long(128)}`,
    'dryRun=All&fieldManager=a%00b',
    'dryRun=All&fieldManager=a%0Ab',
    'dryRun=All&fieldManager=%C3%A9',
    'dryRun=All&fieldValidation=Odd',
    'dryRun=All&fieldValidation=',
    'dryRun=All&fieldValidation=strict',
    'dryRun=All&force=true',
    'dryRun=All&force=odd',
    'dryRun=All&pretty=odd',
    'dryRun=All&odd=x',
    'dryRun=All&timeout=0s',
    'dryRun=All&propagationPolicy=Odd',
    'dryRun=All&gracePeriodSeconds=odd',
  ];
  const one = '/api/v1/namespaces/default';
  for (const option of options) {
    yield post(`${maps}?${option}`, map);
    yield send('PUT', `${one}?${option}`, { metadata: { name: 'default' } });
    yield send('PATCH', `${one}?${option}`, {}, { contentType: 'application/merge-patch+json' });
    yield send('PATCH', `${one}?${option}`, [], { contentType: 'application/json-patch+json' });
    yield send(
      'PATCH',
      `${one}?${option}`,
      { apiVersion: 'v1', kind: 'Namespace' },
      {
        contentType: 'application/apply-patch+yaml',
      },
    );
    yield send('DELETE', `${maps}/nosuch?${option}`, undefined);
    yield send('DELETE', `${maps}?labelSelector=no%3Dsuch&${option}`, undefined);
  }
  for (const contentType of [
    'text/plain',
    'application/yaml',
    'application/json; charset=utf-8',
    'application/JSON',
    'application/vnd.kubernetes.protobuf',
    'application/merge-patch+json',
    'application/cbor',
    'application/apply-patch+yaml',
    'application/apply-patch+cbor',
    'odd',
    '/',
    '',
  ]) {
    yield post(`${maps}?dryRun=All`, map, { contentType });
    yield send('PATCH', `${one}?dryRun=All`, {}, { contentType });
    yield send('PATCH', `${one}/nosuch?dryRun=All`, {}, { contentType });
    yield send('DELETE', `${maps}/nosuch`, {}, { contentType });
  }
  yield post(`${maps}?dryRun=All`, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\nmetadata: {name: z}\n', {
    contentType: 'application/yaml',
  });
  yield post(`${maps}?dryRun=All`, 'a: [', { contentType: 'application/yaml' });
  yield post(`${maps}?dryRun=All`, '- a', { contentType: 'application/yaml' });
}

const bodies: readonly (string | Json)[] = [
  '',
  ' ',
  '{',
  '{}',
  'null',
  '[]',
  '1',
  '"a"',
  'true',
  '{} {}',
  '{}x',
  '{"metadata":{"name":"a","name":"b"}}',
  '{"metadata":{"name":"\\ud800"}}',
  '{"metadata":{"name":"a"},"data":{"a":1}}',
  '{"Metadata":{"name":"a"}}',
  '{"metadata":[]}',
  '{"metadata":"a"}',
  '{"metadata":{"name":1}}',
  '{"metadata":{"name":"a","labels":[]}}',
  '{"metadata":{"name":"a","creationTimestamp":"odd"}}',
  '{"metadata":{"name":"a","creationTimestamp":1}}',
  '{"metadata":{"name":"a","ownerReferences":{}}}',
  '{"metadata":{"name":"a","deletionGracePeriodSeconds":"1"}}',
  '{"metadata":{"name":"a","generation":1.5}}',
  '{"apiVersion":"v1"}',
  '{"kind":"ConfigMap"}',
  '{"kind":"Pod","apiVersion":"v1"}',
  '{"kind":"Odd","apiVersion":"v1"}',
  '{"kind":"Odd","apiVersion":"odd/v1"}',
  '{"kind":"ConfigMap","apiVersion":"v2"}',
  '{"kind":"ConfigMap","apiVersion":"a/b/c"}',
  '{"kind":"ConfigMapList","apiVersion":"v1","items":[]}',
  '{"kind":"List","apiVersion":"v1","items":[]}',
  '{"kind":1,"apiVersion":"v1"}',
  '{"kind":"ConfigMap","apiVersion":{}}',
  { metadata: { generateName: 'a-' } },
  { metadata: { generateName: 'A_' } },
  { metadata: { generateName: long(300) } },
  { metadata: { name: 'a', generateName: 'b-' } },
  { metadata: { name: long(254) } },
  { metadata: { name: 'a'.repeat(253) } },
  { metadata: { name: 'a/b' } },
  { metadata: { name: '..' } },
  { metadata: { name: 'a%b' } },
  { metadata: { name: 'a', namespace: 'other' } },
  { metadata: { name: 'a', namespace: '' } },
  { metadata: { name: 'a', uid: 'x' } },
  { metadata: { name: 'a', resourceVersion: '1' } },
  { metadata: { name: 'a', resourceVersion: '0' } },
  { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } },
  { metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z', generation: 7, selfLink: '/x' } },
  { metadata: { name: 'a', labels: { '': '' } } },
  { metadata: { name: 'a', labels: { 'a b': 'c d' } } },
  { metadata: { name: 'a', labels: { 'A/B': 'x' } } },
  { metadata: { name: 'a', labels: { [`x/${long(64)}`]: long(64) } } },
  { metadata: { name: 'a', annotations: { 'A/B': 'x', 'a b': '' } } },
  { metadata: { name: 'a', annotations: { a: long(262_145) } } },
  { metadata: { name: 'a', finalizers: ['x', 'a/b', '', 'foregroundDeletion', 'orphan'] } },
  { metadata: { name: 'a', finalizers: ['kubernetes'] } },
  { metadata: { name: 'a', ownerReferences: [{}] } },
  {
    metadata: {
      name: 'a',
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Event', name: 'a', uid: 'b', controller: true },
        { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'c', controller: true },
        { apiVersion: 'a/b/c', kind: 'Pod', name: 'a', uid: 'c', controller: true },
        { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'c', controller: true },
      ],
    },
  },
  { metadata: { name: 'a', managedFields: [{}] } },
  { metadata: { name: 'a', managedFields: [{ manager: 'x', operation: 'Odd' }] } },
  { metadata: { name: 'a', managedFields: [{ manager: 'x', operation: 'Update', fieldsType: 'Odd' }] } },
  {
    metadata: {
      name: 'a',
      managedFields: [{ manager: 'x', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: [] }],
    },
  },
  {
    metadata: {
      name: 'a',
      managedFields: [
        {
          manager: 'x',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { odd: {} } },
        },
      ],
    },
  },
];

const appliedTo = `${maps}/applied?fieldManager=me&dryRun=All`;

function* oddBodies(): Generator<Request> {
  for (const body of bodies) {
    yield post(`${maps}?dryRun=All`, body);
    yield post(`${maps}?dryRun=All&fieldValidation=Strict`, body);
    yield send('PUT', '/api/v1/namespaces/default/serviceaccounts/default?dryRun=All', body);
    yield send('PATCH', appliedTo, body, { contentType: 'application/apply-patch+yaml' });
    yield send('DELETE', `${maps}/nosuch`, body);
    yield post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body);
    yield post('/apis/authentication.k8s.io/v1/selfsubjectreviews', body);
  }
  const remove: readonly Json[] = [
    { kind: 'DeleteOptions', apiVersion: 'v1' },
    { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
    { kind: 'DeleteOptions', apiVersion: 'policy/v1' },
    { kind: 'Odd', apiVersion: 'v1' },
    { gracePeriodSeconds: -1 },
    { gracePeriodSeconds: 'x' },
    { propagationPolicy: 'Odd' },
    { propagationPolicy: 'Foreground', orphanDependents: true },
    { orphanDependents: true },
    { dryRun: ['Odd'] },
    { dryRun: ['All', 'All'] },
    { preconditions: { uid: 'x', resourceVersion: '1' } },
    { preconditions: { resourceVersion: '1' } },
    { preconditions: 1 },
    { ignoreStoreReadErrorWithClusterBreakingPotential: true },
    { odd: 1 },
  ];
  for (const body of remove) {
    yield send('DELETE', `${maps}/nosuch`, body);
    yield send('DELETE', `${maps}?labelSelector=no%3Dsuch&dryRun=All`, body);
    yield send('DELETE', `${maps}/nosuch?dryRun=All&propagationPolicy=Orphan`, body);
  }
}

const paths = [
  `${pods}/UPPER`,
  `${pods}/a%2Fb`,
  `${pods}/a%20b`,
  `${pods}/..`,
  `${pods}/%2E%2E`,
  `${pods}/`,
  `${pods}//`,
  `${pods}/x/`,
  `${pods}/x/nosuch`,
  `${pods}/x/status/y`,
  `${pods}/x/log/y`,
  `${pods}/x/log`,
  `${pods}/x/exec`,
  `${pods}/x/attach?stdin=true`,
  `${pods}/x/portforward`,
  `${pods}/x/proxy/a/b`,
  `${pods}/x/binding`,
  `${pods}/x/ephemeralcontainers`,
  `${pods}/x/resize`,
  '/api/v1/namespaces/NoSuch/pods',
  '/api/v1/namespaces/nosuch/pods/x',
  '/api/v1/namespaces//pods',
  '/api/v1/namespaces/default/',
  '/api/v1/namespaces/default/nosuch',
  '/api/v1/namespaces/default/status',
  '/api/v1/namespaces/default/finalize',
  '/api/v1/namespaces/default/nodes',
  '/api/v1/namespaces/default/namespaces',
  '/api/v1/pods/x',
  '/api/v1/nodes/x/status',
  '/api/v1/nodes/x/proxy/',
  '/api/v1/nodes/x/nosuch',
  '//api/v1/pods',
  '/api//v1/pods',
  '/api/v1/',
  '/api/v2',
  '/api/',
  '/apis/',
  '/apis/apps',
  '/apis/apps/v9',
  '/apis/nosuch.group',
  '/apis/nosuch.group/v1',
  '/apis/nosuch.group/v1/things',
  '/apis/storage.k8s.io',
  '/apis/storage.k8s.io/',
  '/apis/storage.k8s.io/v1beta1',
  '/apis/storage.k8s.io/v1/nosuch',
  '/api/v1/watch/configmaps?timeoutSeconds=1&labelSelector=no%3Dsuch',
  '/api/v1/watch/namespaces/default/configmaps?timeoutSeconds=1&labelSelector=no%3Dsuch',
  '/api/v1/watch/namespaces/default/configmaps/nosuch?timeoutSeconds=1',
  '/api/v1/proxy/nodes/x',
  '/openapi',
  '/openapi/v2/x',
  '/openapi/v3/nosuch',
  '/openapi/v3/api/v9',
  '/healthz/ping',
  '/healthz/nosuch',
  '/healthz/',
  '/livez/etcd',
  '/livez/nosuch?verbose',
  '/livez?exclude=ping&exclude=nosuch',
  '/readyz/informer-sync',
  '/readyz?exclude=nosuch',
  '/version/',
  '/metrics/nosuch',
  '/logs/',
  '/swagger.json',
  '/ui',
  '/favicon.ico',
  '/.well-known/nosuch',
  '/openid/v1/nosuch',
  '/apis/apiregistration.k8s.io/v1/apiservices/v1.',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x/status',
];

function* oddPaths(): Generator<Request> {
  for (const path of paths)
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
      if (method === 'GET' || !path.includes('proxy')) yield send(method, path, undefined);
}

function* others(): Generator<Request> {
  const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } } };
  const impersonations: Record<string, string>[] = [
    { 'impersonate-user': 'x' },
    { 'impersonate-user': 'system:serviceaccount:default:default' },
    { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' },
    { 'impersonate-user': 'x', 'impersonate-uid': 'u', 'impersonate-extra-a%2Fb': 'c' },
    { 'impersonate-group': 'x' },
    { 'impersonate-uid': 'x' },
    { 'impersonate-extra-a': 'x' },
    { 'impersonate-user': '' },
    { 'impersonate-user': 'system:anonymous' },
    { authorization: 'Bearer odd' },
    { authorization: 'Basic odd' },
  ];
  for (const headers of impersonations) {
    yield post(reviews, review, { headers });
    yield post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { headers });
    yield get(`${pods}/nosuch`, { headers });
    yield get('/healthz', { headers });
    yield get('/metrics/nosuch', { headers });
    yield post(
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { spec: { namespace: 'default' } },
      { headers },
    );
    yield post('/apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All', { metadata: { name: 'x' } }, { headers });
  }
  const specs: Json[] = [
    {},
    { resourceAttributes: {} },
    { nonResourceAttributes: { path: '/x', verb: 'get' } },
    { nonResourceAttributes: {}, resourceAttributes: {} },
    { resourceAttributes: { verb: '*', group: '*', resource: '*' } },
    { resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector: { rawSelector: 'a=b' } } },
    { resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector: { rawSelector: '!!' } } },
    { resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector: { rawSelector: 'a=b', requirements: [] } } },
    {
      resourceAttributes: {
        verb: 'list',
        resource: 'pods',
        labelSelector: { requirements: [{ key: '', operator: 'Odd' }] },
      },
    },
  ];
  const user = { user: 'x', groups: ['y'], extra: { a: ['b'] }, uid: 'z' };
  for (const spec of specs) {
    yield post(reviews, { spec });
    yield post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
    yield post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: { ...(spec as object), ...user } });
    yield post('/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', {
      spec: { ...(spec as object), ...user },
    });
    yield post('/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', {
      metadata: { namespace: 'default' },
      spec: { ...(spec as object), ...user, resourceAttributes: { namespace: 'other', verb: 'get', resource: 'x' } },
    });
  }
  for (const namespace of ['default', '', 'nosuch'])
    yield post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { spec: { namespace } });
  for (const spec of [{}, { token: 'odd' }, { token: 'a.b.c', audiences: ['x'] }] as Json[])
    yield post('/apis/authentication.k8s.io/v1/tokenreviews', { spec });
  const token = '/api/v1/namespaces/default/serviceaccounts/default/token';
  const requests: Json[] = [
    {},
    { spec: {} },
    { spec: { expirationSeconds: 1 } },
    { spec: { expirationSeconds: 600 } },
    { spec: { expirationSeconds: 4_294_967_297 } },
    { spec: { audiences: ['x', ''] } },
    { spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'nosuch' } } },
    { spec: { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'nosuch', uid: 'x' } } },
    { spec: { boundObjectRef: { kind: 'Node', apiVersion: 'v1', name: 'nosuch' } } },
    { spec: { boundObjectRef: { kind: 'Odd', apiVersion: 'v1', name: 'x' } } },
    { spec: { boundObjectRef: {} } },
    { metadata: { name: 'other' } },
    { metadata: { namespace: 'other' } },
    { kind: 'Odd', apiVersion: 'v1' },
    { kind: 'TokenRequest', apiVersion: 'v1' },
    { odd: 1 },
  ];
  for (const body of requests) {
    yield post(token, body);
    yield post(`${token}?dryRun=All&fieldValidation=Strict`, body);
  }
  yield post('/api/v1/namespaces/default/serviceaccounts/nosuch/token', {});
  yield post('/api/v1/namespaces/nosuch/configmaps', map);
  yield post(`${maps}?dryRun=All`, { ...map, data: { a: long(3 * 1024 * 1024) } });
  yield post(`${maps}?dryRun=All`, { ...map, data: { a: long(1024 * 1024 + 1) } });
  yield post('/api/v1/namespaces/default/bindings', { metadata: { name: 'nosuch' }, target: { name: 'x' } });
  yield post(`${pods}/nosuch/binding`, { target: { kind: 'Node', name: 'x' } });
}

export function* asks(): Generator<Request> {
  yield* forms();
  yield* lists();
  yield* writes();
  yield* oddBodies();
  yield* oddPaths();
  yield* others();
}
