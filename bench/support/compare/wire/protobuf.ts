// What clients that speak protobuf ask: each kind in every verb, watches, Statuses, odd Accept headers and bodies that are no such message.
import { everyKind } from '../../../../test/support/every-kind-objects.ts';
import { loadSchema } from '../../../../src/api/schema/load.ts';
import { hasMessage } from '../../../../src/apiserver/protobuf/field-numbers.ts';
import { protobufEncoder } from '../../../../src/apiserver/protobuf/encode.ts';
import { sealEnvelope } from '../../../../src/apiserver/protobuf/envelope.ts';
import { mayBeKept, nameOf } from '../changes.ts';
import type { Json } from '../difference.ts';
import { richObjects } from '../rich-objects.ts';
import { trustObjects } from '../trust-objects.ts';
import { type Comparison, parsed, type WireAnswer, type WireRequest } from './exchange.ts';
import { answerLines, frameLines } from './protobuf-lines.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const json = 'application/json';
const encoder = protobufEncoder(loadSchema());
const deleteOptionsType = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

type Fields = Record<string, unknown>;

/** An object as client-go sends it; undefined where its kind has no such form. */
function bodyOf(object: Fields): Buffer | undefined {
  const [apiVersion, kind] = [String(object['apiVersion']), String(object['kind'])];
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const definition = loadSchema().ofKind(group, apiVersion.slice(slash + 1), kind)?.name;
  if (definition === undefined || !hasMessage(definition)) return undefined;
  return Buffer.concat(sealEnvelope(apiVersion, kind, [encoder.message(definition, object)]));
}

const deleteOptions = (options: object, apiVersion = 'v1'): Buffer =>
  Buffer.concat(sealEnvelope(apiVersion, 'DeleteOptions', [encoder.message(deleteOptionsType, options)]));

/** An answer by its type and its fields in their order; text where it is none in protobuf. */
function show({ headers, body }: WireAnswer): Json {
  const type = headers['content-type'] ?? '';
  return { type, answer: type.startsWith(protobuf) ? answerLines(body) : parsed(body) };
}

function showWatch({ headers, body, ended }: WireAnswer): Json {
  const type = headers['content-type'] ?? '';
  if (type.startsWith(`${protobuf};stream=watch`)) return { type, ...frameLines(body), ended };
  return { ...(show({ code: 0, headers, body, ended }) as object), ended };
}

/** The objects with their collections. */
function samples(paths: ReadonlyMap<string, string>): { name: string; path: string; object: Fields }[] {
  const all = [...everyKind({ namespace: 'other', request: '' }), ...richObjects, ...trustObjects];
  return all.flatMap(([name, object]) => {
    const path = paths.get(`${String(object['apiVersion'])}/${String(object['kind'])}`);
    return path === undefined ? [] : [{ name, path, object }];
  });
}

export async function compareProtobuf(comparison: Comparison, paths: ReadonlyMap<string, string>): Promise<void> {
  const kept = new Set<string>();
  for (const { name, path, object } of samples(paths)) {
    const body = bodyOf(object);
    if (body === undefined) continue;
    const id = `${path}/${nameOf(object as Parameters<typeof nameOf>[0])}`;
    const keep = mayBeKept(object as Parameters<typeof mayBeKept>[0]) && !kept.has(id);
    kept.add(id);
    await life(comparison, { name, path, one: id, body, keep });
  }
  await oddBodies(comparison);
  await oddAccepts(comparison);
}

interface Sample {
  name: string;
  path: string;
  one: string;
  body: Buffer;
  keep: boolean;
}

/** From its creation to its end. */
async function life(comparison: Comparison, { name, path, one, body, keep }: Sample): Promise<void> {
  const request = (what: string, method: string, at: string, more: Partial<WireRequest> = {}): WireRequest => ({
    what: `protobuf ${name} ${what}`,
    method,
    path: at,
    ...more,
    headers: { accept: protobuf, 'content-type': protobuf, ...more.headers },
  });
  const ask = async (...asked: Parameters<typeof request>): Promise<number[]> =>
    (await comparison.ask(request(...asked), show)).map(({ code }) => code);
  await ask('is tried', 'POST', `${path}?dryRun=All`, { body });
  await ask('is tried, strictly', 'POST', `${path}?dryRun=All&fieldValidation=Strict`, { body });
  if (!keep) return;
  const codes = await ask('is made', 'POST', path, { body });
  if (!codes.every((code) => code === 201)) return;
  const field = `fieldSelector=metadata.name%3D${one.split('/').at(-1)}`;
  const as = (kind: string, version: string): Partial<WireRequest> => ({
    headers: { accept: `${protobuf};as=${kind};g=meta.k8s.io;v=${version}` },
  });
  await ask('is read', 'GET', one);
  await ask('is listed', 'GET', `${path}?${field}`);
  for (const version of ['v1', 'v1beta1']) {
    await ask(`is read as metadata ${version}`, 'GET', one, as('PartialObjectMetadata', version));
    await ask(`is listed as metadata ${version}`, 'GET', `${path}?${field}`, as('PartialObjectMetadataList', version));
    await ask(`is read as a table ${version}`, 'GET', one, as('Table', version));
  }
  const watch = `${path}?watch=1&${field}&resourceVersion=0&timeoutSeconds=1`;
  await Promise.all(
    ['', ';stream=watch', ';as=PartialObjectMetadata;g=meta.k8s.io;v=v1', ';as=Table;g=meta.k8s.io;v=v1'].map((more) =>
      comparison.ask(
        request(`is watched${more}`, 'GET', watch, { headers: { accept: `${protobuf}${more}` } }),
        showWatch,
      ),
    ),
  );
  await ask('is put', 'PUT', one, { body });
  const merge = { headers: { 'content-type': 'application/merge-patch+json' } };
  await ask('is patched', 'PATCH', one, { body: '{"metadata":{"labels":{"x":"y"}}}', ...merge });
  await ask('is patched as json', 'PATCH', one, { body });
  await ask('has a status', 'GET', `${one}/status`);
  await ask('has a scale', 'GET', `${one}/scale`);
  await ask('gets a status', 'PUT', `${one}/status`, { body });
  await ask('is posted again', 'POST', path, { body });
  const another = deleteOptions({ preconditions: { uid: 'x' } });
  await ask('is deleted as another', 'DELETE', one, { body: another });
  await ask('is deleted with no such finalizer', 'PATCH', one, { body: '{"metadata":{"finalizers":null}}', ...merge });
  await ask('is deleted, tried', 'DELETE', one, { body: deleteOptions({ gracePeriodSeconds: 0, dryRun: ['All'] }) });
  await ask('is deleted', 'DELETE', one, { body: deleteOptions({ gracePeriodSeconds: 0 }) });
  await ask('is gone', 'GET', one);
}

const maps = '/api/v1/namespaces/default/configmaps';
const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'odd' }, data: { a: 'b' } };

async function oddBodies(comparison: Comparison): Promise<void> {
  const whole = bodyOf(map) ?? Buffer.alloc(0);
  const seal = (apiVersion: string, kind: string, message: Buffer): Buffer =>
    Buffer.concat(sealEnvelope(apiVersion, kind, [message]));
  const message = (hex: string): Buffer => seal('v1', 'ConfigMap', Buffer.from(hex, 'hex'));
  const bodies: [string, Buffer][] = [
    ...Array.from({ length: whole.length }, (_, i): [string, Buffer] => [`cut at ${i}`, whole.subarray(0, i)]),
    ['with more after it', Buffer.concat([whole, Buffer.from('0000', 'hex')])],
    ['with text after it', Buffer.concat([whole, Buffer.from('more')])],
    ['of another kind', bodyOf({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'odd' } }) ?? whole],
    ['of another version', seal('v2', 'ConfigMap', whole.subarray(20))],
    ['of no kind', seal('v1', '', Buffer.alloc(0))],
    ['of no version', seal('', 'ConfigMap', Buffer.from('0a05 0a036f6464'.replace(' ', ''), 'hex'))],
    ['of no type', seal('', '', Buffer.from('0a050a036f6464', 'hex'))],
    ['of an unknown kind', seal('v1', 'Odd', Buffer.alloc(0))],
    ['of an unknown group', seal('odd/v1', 'Odd', Buffer.alloc(0))],
    ['of a list', seal('v1', 'ConfigMapList', Buffer.alloc(0))],
    ['of json', Buffer.from(JSON.stringify(map))],
    ['with a wrong wire type', message('08 01'.replace(' ', ''))],
    ['with a wrong wire type in metadata', message('0a020801')],
    ['with a group', message('0b0c')],
    ['with an end of a group', message('0c')],
    ['with an illegal wire type', message('0f')],
    ['with field zero', message('0001')],
    ['with a field too long', message('0a7f')],
    ['with a negative length', message('0affffffffffffffffff01')],
    ['with an endless number', message('0affffffffffffffffffff')],
    ['with an unknown field', message('0a050a036f6464 a00601'.replace(' ', ''))],
    ['with a fixed unknown field', message('0a050a036f6464 a106 0102030405060708'.replaceAll(' ', ''))],
    ['with a fixed field cut off', message('0a050a036f6464 a106 01'.replaceAll(' ', ''))],
    ['with no such utf-8', message('0a050a03ff6464')],
    ['with an entry twice', message('0a050a036f6464 1206 0a0161 120162 1206 0a0161 120163'.replaceAll(' ', ''))],
    ['with an entry of no value', message('0a050a036f6464 1203 0a0161'.replaceAll(' ', ''))],
    ['with an entry of no key', message('0a050a036f6464 1203 120161'.replaceAll(' ', ''))],
    ['with metadata twice', message('0a050a036f6464 0a05 12036f2d64'.replaceAll(' ', ''))],
    [
      'with an encoding',
      Buffer.concat([
        Buffer.from('k8s\0'),
        Buffer.from('0a0f0a0276311209436f6e6669674d6170', 'hex'),
        Buffer.from('1a0467 7a6970'.replace(' ', ''), 'hex'),
      ]),
    ],
    [
      'with a content type',
      Buffer.concat([
        Buffer.from('k8s\0'),
        Buffer.from('0a0f0a0276311209436f6e6669674d6170', 'hex'),
        Buffer.from([0x12, 0x02]),
        Buffer.from('{}'),
        Buffer.from([0x22, json.length]),
        Buffer.from(json),
      ]),
    ],
    ['empty', Buffer.alloc(0)],
  ];
  for (const [what, body] of bodies) {
    const send = (name: string, method: string, path: string, accept = json): Promise<unknown> =>
      comparison.ask(
        { what: `protobuf body ${what} ${name}`, method, path, body, headers: { accept, 'content-type': protobuf } },
        show,
      );
    await send('is posted', 'POST', `${maps}?dryRun=All`);
    await send('is posted for protobuf', 'POST', `${maps}?dryRun=All`, protobuf);
    await send('is put', 'PUT', `/api/v1/namespaces/default/serviceaccounts/default?dryRun=All`);
    await send('deletes', 'DELETE', `${maps}/nosuch`);
    await send('deletes all', 'DELETE', `${maps}?labelSelector=no%3Dsuch`);
    await send('reviews', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews');
    await send('patches', 'PATCH', '/api/v1/namespaces/default?dryRun=All');
    await send('posts a token', 'POST', '/api/v1/namespaces/default/serviceaccounts/default/token');

    await send('binds', 'POST', '/api/v1/namespaces/default/pods/nosuch/binding');
  }
  for (const version of ['v1', 'meta.k8s.io/v1', 'apps/v1', 'odd/v1', ''])
    for (const options of [{}, { gracePeriodSeconds: -1 }, { propagationPolicy: 'Odd' }, { dryRun: ['Odd'] }])
      await comparison.ask(
        {
          what: `protobuf DeleteOptions ${version} ${JSON.stringify(options)}`,
          method: 'DELETE',
          path: `${maps}/nosuch`,
          body: deleteOptions(options, version),
          headers: { 'content-type': protobuf, accept: protobuf },
        },
        show,
      );
}

const accepts = [
  protobuf,
  `${protobuf},${json}`,
  `${json},${protobuf}`,
  `${protobuf};q=0.1,${json};q=0.9`,
  `${protobuf};q=0.9,${json};q=0.1`,
  `${protobuf};as=Table;g=meta.k8s.io;v=v1,${json};as=Table;g=meta.k8s.io;v=v1,${json}`,
  `${json};as=Table;g=meta.k8s.io;v=v1,${protobuf}`,
  `${protobuf};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,${json}`,
  `${protobuf};as=Table;g=meta.k8s.io;v=v1,${protobuf}`,
  `${protobuf};stream=watch`,
  `${protobuf};stream=odd`,
  `${protobuf};type=x`,
  `${protobuf}; charset=utf-8`,
  'application/vnd.kubernetes.*',
  'application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch',
  'application/vnd.kubernetes.protobuf, */*',
  'application/yaml,application/vnd.kubernetes.protobuf',
  'application/cbor,application/vnd.kubernetes.protobuf',
];

const reads = [
  '/api/v1/namespaces/kube-system',
  '/api/v1/namespaces/nosuch',
  '/api/v1/namespaces?fieldSelector=metadata.name%3Dkube-system',
  '/api/v1/namespaces?fieldSelector=metadata.name%3Dkube-system&watch=1&timeoutSeconds=1',
  '/api/v1/nosuch',
  '/api',
  '/apis/nosuch',
  '/api/v1',
  '/version',
  '/nosuch',
  '/api/v1/namespaces?limit=odd',
  '/api/v1/namespaces/kube-system/status',
  '/apis/apps/v1/namespaces/default/deployments/nosuch/scale',
  '/api/v1/namespaces/default/pods/nosuch/log',
  '/apis/things.example.com/v1/odds',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldSelector=metadata.name%3Dx',
  '/apis/apiregistration.k8s.io/v1/apiservices/v1.',
  '/metrics/slis',
];

async function oddAccepts(comparison: Comparison): Promise<void> {
  for (const accept of accepts)
    await Promise.all(
      reads.map((path) =>
        comparison.ask({ what: `GET ${path} as ${accept}`, method: 'GET', path, headers: { accept } }, showWatch),
      ),
    );
}
