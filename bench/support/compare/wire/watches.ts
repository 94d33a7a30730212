// Lists and watches of a history that both servers have: every way to ask for a version, selectors, forms, bookmarks, pages and tokens.
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Json } from '../difference.ts';
import { type Comparison, exchange, type Pair, parsed, type WireAnswer, type WireRequest } from './exchange.ts';
import { frameLines } from './protobuf-lines.ts';

type Side = 'real' | 'peapod';

/** What a watch or list is asked of, with the versions that each server gave its history. */
interface History {
  readonly path: string;
  /** A field that the kind can be selected by, with a value that objects come to have. */
  readonly field: string;
  readonly versions: Readonly<Record<Side, readonly string[]>>;
}

interface Step {
  method: string;
  /** Below the collection, with its query. */
  at: string;
  body?: Json;
  contentType?: string;
}

const merge = 'application/merge-patch+json';
const label = (x: string): { [key: string]: Json } => ({ labels: { x } });

/** In and out of selectors, through a finalizer, and away one by one and together. */
const script = (object: (name: string, metadata: Json) => Json, change: Json, status: Step): Step[] => [
  { method: 'POST', at: '', body: object('a', label('1')) },
  { method: 'POST', at: '', body: object('b', label('2')) },
  { method: 'PATCH', at: '/b', body: { metadata: label('1') }, contentType: merge },
  { method: 'PATCH', at: '/a', body: { metadata: label('2') }, contentType: merge },
  { method: 'PATCH', at: '/a', body: change, contentType: merge },
  status,
  { method: 'POST', at: '', body: object('c', { ...label('1'), finalizers: ['example.com/f'] }) },
  { method: 'DELETE', at: '/c' },
  { method: 'PATCH', at: '/c', body: { metadata: { finalizers: null } }, contentType: merge },
  { method: 'POST', at: '', body: object('d', label('3')) },
  { method: 'POST', at: '', body: object('e', label('3')) },
  { method: 'DELETE', at: '?labelSelector=x%3D3' },
  { method: 'DELETE', at: '/b' },
  { method: 'POST', at: '', body: object('f', label('1')) },
  { method: 'POST', at: '', body: object('g', label('1')) },
];

const namespace = 'watched';
const base = `/api/v1/namespaces/${namespace}`;
const named = (name: string, metadata: Json): Json => ({ name, ...(metadata as object) });

const kinds: readonly { path: string; field: string; steps: Step[] }[] = [
  {
    path: `${base}/configmaps`,
    field: 'metadata.name=a',
    steps: script(
      (name, metadata) => ({ metadata: named(name, metadata) }),
      { data: { k: 'v' } },
      {
        method: 'PATCH',
        at: '/a',
        body: { immutable: true },
        contentType: merge,
      },
    ),
  },
  {
    path: `${base}/pods`,
    field: 'status.phase=Running',
    steps: script(
      (name, metadata) => ({ metadata: named(name, metadata), spec: { containers: [{ name: 'c', image: 'i' }] } }),
      { metadata: { annotations: { k: 'v' } } },
      { method: 'PATCH', at: '/a/status', body: { status: { phase: 'Running' } }, contentType: merge },
    ),
  },
  {
    path: `/apis/wire.example.com/v1/namespaces/${namespace}/things`,
    field: 'spec.color=red',
    steps: script(
      (name, metadata) => ({
        apiVersion: 'wire.example.com/v1',
        kind: 'Thing',
        metadata: named(name, metadata),
        spec: { color: 'blue' },
      }),
      { spec: { color: 'red' } },
      { method: 'PATCH', at: '/a/status', body: { status: { ok: true } }, contentType: merge },
    ),
  },
];

const definition: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.wire.example.com' },
  spec: {
    group: 'wire.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        selectableFields: [{ jsonPath: '.spec.color' }],
        additionalPrinterColumns: [{ name: 'Color', type: 'string', jsonPath: '.spec.color' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { color: { type: 'string' } } },
              status: { type: 'object', properties: { ok: { type: 'boolean' } } },
            },
          },
        },
      },
    ],
  },
};

const json = { 'content-type': 'application/json' };
const post = (path: string, body: Json): WireRequest => ({
  what: `POST ${path}`,
  method: 'POST',
  path,
  body: JSON.stringify(body),
  headers: json,
});

async function prepare(comparison: Comparison): Promise<void> {
  const both = (request: WireRequest): Promise<Pair<WireAnswer>> => comparison.ask(request, ({ code }) => code);
  await both(post('/api/v1/namespaces', { metadata: { name: namespace } }));
  await both(post(`${base}/serviceaccounts`, { metadata: { name: 'default' } }));
  await both(post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition));
  // Both establish it and serve it a little later.
  const isServed = async (side: Side): Promise<boolean> => {
    const path = '/apis/wire.example.com/v1/things';
    return (await exchange(comparison[side], { what: path, method: 'GET', path })).code === 200;
  };
  while (!((await isServed('real')) && (await isServed('peapod')))) await wait(200);
  await wait(1000);
}

/** The version that an answer gives the object, or the collection. */
const versionOf = (answer: WireAnswer): string => {
  const body = parsed(answer.body) as { metadata?: { resourceVersion?: string } } | null;
  return body?.metadata?.resourceVersion ?? '';
};

async function history(
  comparison: Comparison,
  { path, field, steps }: (typeof kinds)[number],
  while_: (history: History) => Promise<unknown>,
): Promise<History> {
  const list = await comparison.ask({ what: `${path} before`, method: 'GET', path }, show);
  const [real, peapod] = list.map((answer) => [versionOf(answer)]) as [string[], string[]];
  const made: History = { path, field, versions: { real, peapod } };
  const watching = while_(made);
  await wait(800);
  for (const { method, at, body, contentType } of steps) {
    const headers = { 'content-type': contentType ?? 'application/json' };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const what = `history ${method} ${path}${at} ${JSON.stringify(body ?? '')}`;
    const answers = await comparison.ask({ what, method, path: `${path}${at}`, headers, ...text }, show);
    real.push(versionOf(answers[0]));
    peapod.push(versionOf(answers[1]));
  }
  await watching;
  return made;
}

/** JSON, lines of JSON or frames of protobuf, with its type. */
function show({ headers, body, ended }: WireAnswer): Json {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('application/vnd.kubernetes.protobuf;stream=watch')) return { type, ...frameLines(body), ended };
  const lines = body.toString('utf8').split('\n');
  const values = lines.filter((line) => line !== '').map((line) => parsed(Buffer.from(line)));
  return { type, values, lastLine: lines.at(-1) === '', ended, vary: headers['vary'] ?? '' };
}

/** With the versions of this history by their place in it; what is none of it is only told to be there. */
function placed(value: Json, versions: readonly string[]): Json {
  if (Array.isArray(value)) return value.map((item) => placed(item, versions));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'continue' && typeof item === 'string' && item !== '') return ['token', token(item, versions)];
      if (key !== 'resourceVersion' || typeof item !== 'string') return [key, placed(item, versions)];
      return ['version', place(item, versions)];
    }),
  );
}

function place(version: string, versions: readonly string[]): string {
  const at = versions.indexOf(version);
  return at >= 0 ? `step ${at}` : /^\d+$/.test(version) ? 'some' : version;
}

function token(text: string, versions: readonly string[]): Json {
  const made = parsed(Buffer.from(text, 'base64url'));
  if (made === null || typeof made !== 'object' || Array.isArray(made)) return made;
  return { ...made, rv: Number(made['rv']) < 0 ? 'none' : place(JSON.stringify(made['rv']), versions) };
}

type Query = string | ((versions: readonly string[]) => string);
const queryOf = (query: Query, versions: readonly string[]): string =>
  typeof query === 'string' ? query : query(versions);

/** Asks each server with its own versions. */
async function askOfBoth(
  comparison: Comparison,
  { path, versions }: History,
  what: string,
  query: Query,
  accept = 'application/json',
): Promise<Pair<WireAnswer>> {
  const one = (side: Side): Promise<WireAnswer> =>
    exchange(comparison[side], {
      what,
      method: 'GET',
      path: `${path}${queryOf(query, versions[side])}`,
      headers: { accept },
      patienceMs: 12_000,
    });
  const [real, peapod] = await Promise.all([one('real'), one('peapod')]);
  const shown = (answer: WireAnswer, side: Side): Json => placed(show(answer), versions[side]);
  comparison.compare(
    `${path} ${what} as ${accept}`,
    [shown(real, 'real'), shown(peapod, 'peapod')],
    [real.code, peapod.code],
  );
  return [real, peapod];
}

const at =
  (step: number, query: (version: string) => string): Query =>
  (versions) =>
    query(versions[step] ?? '');

/** The ways to name a version; the start of the history, one in it, its end, one to come, and what is none. */
const versionQueries: readonly [string, (of: (version: string | undefined) => string) => Query][] = [
  ['no version', (of) => of(undefined)],
  ['version ""', (of) => of('')],
  ['version 0', (of) => of('0')],
  ['the start', (of) => at(0, of)],
  ['step 3', (of) => at(3, of)],
  ['the end', (of) => (versions) => of(versions.at(-1) ?? '')],
  ['what is to come', (of) => of('99999999')],
  ['version 1', (of) => of('1')],
  ['version bad', (of) => of('bad')],
  ['version -1', (of) => of('-1')],
];

const accepts = [
  'application/json',
  'application/json;as=Table;g=meta.k8s.io;v=v1',
  'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/vnd.kubernetes.protobuf;stream=watch',
];

interface Asked {
  what: string;
  query: Query;
  accept: string;
}

function* watches({ field }: History): Generator<Asked> {
  const json = accepts[0] ?? '';
  const of = (rest: string) => (version: string | undefined) =>
    `?watch=1&timeoutSeconds=2${version === undefined ? '' : `&resourceVersion=${version}`}${rest}`;
  const ask = function* (rest: string, accept = json): Generator<Asked> {
    for (const [name, query] of versionQueries)
      yield { what: `watch from ${name} ${rest}`, query: query(of(rest)), accept };
  };
  for (const match of ['', '&resourceVersionMatch=NotOlderThan', '&resourceVersionMatch=Exact'])
    for (const initial of ['', '&sendInitialEvents=true', '&sendInitialEvents=false'])
      for (const bookmarks of ['', '&allowWatchBookmarks=true']) yield* ask(match + initial + bookmarks);
  yield* ask('&resourceVersionMatch=Odd');
  const stream = '&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true';
  const selected = encodeURIComponent(field);
  for (const select of ['&labelSelector=x%3D1', `&fieldSelector=${selected}`, '&fieldSelector=metadata.name%3Da'])
    for (const how of ['', stream]) yield* ask(select + how);
  for (const accept of accepts.slice(1))
    for (const how of ['', stream, '&labelSelector=x%3D1']) yield* ask(how, accept);
  yield* ask('&limit=1');
  yield* ask('&continue=x');
}

/** Watches by name, as paths have them. */
function* namedWatches(): Generator<Asked> {
  for (const [name, query] of versionQueries) {
    const of = (version: string | undefined): string =>
      `/a?watch=1&timeoutSeconds=2${version === undefined ? '' : `&resourceVersion=${version}`}`;
    yield { what: `watch of a from ${name}`, query: query(of), accept: 'application/json' };
  }
  for (const name of ['metadata.name%3Da', 'metadata.name%3Db', 'metadata.namespace%3Dwatched'])
    yield {
      what: `watch of a where ${name}`,
      query: `/a?watch=1&timeoutSeconds=2&fieldSelector=${name}`,
      accept: 'application/json',
    };
}

function* lists({ field }: History): Generator<Asked> {
  const json = accepts[0] ?? '';
  for (const match of ['', 'NotOlderThan', 'Exact', 'Odd'])
    for (const limit of [
      '',
      '&limit=1',
      '&limit=2',
      '&limit=500',
      '&limit=1&labelSelector=x%3D1',
      `&fieldSelector=${encodeURIComponent(field)}`,
    ])
      for (const [name, query] of versionQueries) {
        const how = `${match === '' ? '' : `&resourceVersionMatch=${match}`}${limit}`;
        const of = (version: string | undefined): string =>
          `?${version === undefined ? '' : `resourceVersion=${version}`}${how}`;
        yield { what: `list at ${name} ${how}`, query: query(of), accept: json };
      }
  for (const accept of accepts.slice(1, 4))
    for (const how of ['?limit=1', '?limit=1&resourceVersion=0', '?resourceVersionMatch=Exact&resourceVersion=1'])
      yield {
        what: `list ${how}`,
        query: how,
        accept: accept.replace('PartialObjectMetadata', 'PartialObjectMetadataList'),
      };
  for (const [name, query] of versionQueries)
    yield {
      what: `get at ${name}`,
      query: query((version) => `/a${version === undefined ? '' : `?resourceVersion=${version}`}`),
      accept: json,
    };
}

const atOnce = 24;

async function askAll(comparison: Comparison, history: History, asked: Iterable<Asked>): Promise<void> {
  const queue = [...asked];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await askOfBoth(comparison, history, next.what, next.query, next.accept);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Watches that run while the history is made. */
async function liveWatches(comparison: Comparison, history: History): Promise<void> {
  const selects = ['', '&labelSelector=x%3D1', `&fieldSelector=${encodeURIComponent(history.field)}`];
  const asked = [...accepts, 'application/json;as=Table;g=meta.k8s.io;v=v1,application/json'].flatMap((accept) =>
    selects.flatMap((select) => [
      { what: `live ${select}`, query: `?watch=1&timeoutSeconds=6${select}`, accept },
      { what: `live, by name ${select}`, query: `/a?watch=1&timeoutSeconds=6${select}`, accept },
      {
        what: `live with bookmarks ${select}`,
        query: `?watch=1&timeoutSeconds=6&allowWatchBookmarks=true&resourceVersion=0${select}`,
        accept,
      },
      {
        what: `live table of objects ${select}`,
        query: `?watch=1&timeoutSeconds=6&includeObject=Object${select}`,
        accept,
      },
    ]),
  );
  await Promise.all(asked.map(({ what, query, accept }) => askOfBoth(comparison, history, what, query, accept)));
}

/** Pages by the tokens that each server gave, also once their version is compacted. */
async function pages(comparison: Comparison, history: History): Promise<void> {
  type Given = Pair<string>;
  const tokenOf = ({ body }: WireAnswer): string =>
    (parsed(body) as { metadata?: { continue?: string } } | null)?.metadata?.continue ?? '';
  const page = async (what: string, rest: string, tokens?: Given): Promise<Given> => {
    const of = (side: 0 | 1): string =>
      `?${rest}${tokens === undefined ? '' : `&continue=${encodeURIComponent(tokens[side])}`}`;
    const query: Query = (versions) => of(versions === history.versions.real ? 0 : 1);
    const [real, peapod] = await askOfBoth(comparison, history, what, query);
    return [tokenOf(real), tokenOf(peapod)];
  };
  const first = await page('first page', 'limit=1');
  const second = await page('second page', 'limit=1', first);
  await page('the rest', 'limit=500', second);
  await page('the rest without a limit', '', second);
  await page('again', 'limit=1', first);
  for (const more of [
    'resourceVersion=0',
    'resourceVersion=1',
    'resourceVersion=',
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=NotOlderThan&resourceVersion=0',
    'labelSelector=x%3D1',
    'labelSelector=x%3D9',
    'watch=1&timeoutSeconds=1',
    'sendInitialEvents=true',
  ])
    await page(`second page with ${more}`, `limit=1&${more}`, first);
  const remade = (change: (token: { [key: string]: Json }) => object): Given =>
    first.map((text) =>
      Buffer.from(JSON.stringify(change(parsed(Buffer.from(text, 'base64url')) as { [key: string]: Json }))).toString(
        'base64url',
      ),
    ) as unknown as Given;
  await page(
    'of no version',
    'limit=1',
    remade((made) => ({ ...made, rv: -1 })),
  );
  await page(
    'of version 0',
    'limit=1',
    remade((made) => ({ ...made, rv: 0 })),
  );
  await page(
    'of version 1',
    'limit=1',
    remade((made) => ({ ...made, rv: 1 })),
  );
  await page(
    'of what is to come',
    'limit=1',
    remade((made) => ({ ...made, rv: 99_999_999 })),
  );
  await page(
    'of another place',
    'limit=1',
    remade((made) => ({ ...made, start: '../x' })),
  );
  await page(
    'of no place',
    'limit=1',
    remade((made) => ({ ...made, start: '' })),
  );
  await page(
    'of another version of tokens',
    'limit=1',
    remade((made) => ({ ...made, v: 'meta.k8s.io/v2' })),
  );
  await page('with padding', 'limit=1', [`${first[0]}==`, `${first[1]}==`]);
  const third = await page('first page at the start', 'limit=1&resourceVersionMatch=Exact&resourceVersion=0');
  await page('its second', 'limit=1', third);
  await comparison.compact();
  await wait(1500);
  const fresh = await page('second page, compacted', 'limit=1', first);
  await page('second page in an inconsistent way', 'limit=1', fresh);
  await page('second page of all in an inconsistent way', '', fresh);
  await page('second page in an inconsistent way, of other labels', 'labelSelector=x%3D1', fresh);
  await page('second page, compacted, of other labels', 'limit=1&labelSelector=x%3D1', second);
  await askAll(comparison, history, lists(history));
  const from = (step: number, rest: string): Query =>
    at(step, (v) => `?watch=1&timeoutSeconds=2&resourceVersion=${v}${rest}`);
  for (const rest of ['', '&allowWatchBookmarks=true', '&labelSelector=x%3D1'])
    await askAll(
      comparison,
      history,
      [0, 3, 8].map((step) => ({
        what: `compacted watch from ${step} ${rest}`,
        query: from(step, rest),
        accept: 'application/json',
      })),
    );
}

/** The messages of a watch over WebSocket, and how it ended. */
function socketMessages({ port, ca, cert, key }: Comparison['real'], path: string, protocols: string[]): Promise<Json> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, {
      ca,
      cert,
      key,
      origin: 'https://client',
    });
    const messages: Json[] = [];
    let chosen = '';
    const timer = setTimeout(() => socket.terminate(), 6000);
    socket.on('open', () => (chosen = socket.protocol));
    socket.on('message', (data: Buffer, isBinary) => {
      messages.push({
        isBinary,
        message: isBinary ? [data.length > 4 ? 'bytes' : data.toString('hex')] : parsed(data),
      });
    });
    socket.on('unexpected-response', (_, response) => {
      messages.push({ refused: response.statusCode ?? 0 });
      socket.terminate();
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      clearTimeout(timer);
      resolve({ chosen, messages, code, reason: reason.toString() });
    });
  });
}

async function sockets(comparison: Comparison, { path, versions }: History): Promise<void> {
  const protocols = [[], ['binary.k8s.io'], ['base64.binary.k8s.io'], ['odd.k8s.io'], ['odd.k8s.io', 'binary.k8s.io']];
  const queries: [string, Query][] = [
    ['all', '?watch=1&timeoutSeconds=1'],
    ['from the start', at(0, (v) => `?watch=1&timeoutSeconds=1&resourceVersion=${v}`)],
    ['a bad version', '?watch=1&timeoutSeconds=1&resourceVersion=bad'],
    ['a bad selector', '?watch=1&timeoutSeconds=1&labelSelector=!!'],
    ['no watch', '?limit=1'],
    ['by the old path', '?timeoutSeconds=1'],
  ];
  for (const [what, query] of queries)
    await Promise.all(
      protocols.map(async (offered) => {
        const old = what === 'by the old path' ? path.replace('/v1/', '/v1/watch/') : path;
        const of = async (side: Side): Promise<Json> =>
          placed(
            await socketMessages(comparison[side], `${old}${queryOf(query, versions[side])}`, offered),
            versions[side],
          );
        comparison.compare(
          `${old} socket of ${what}, offering ${offered.join()}`,
          await Promise.all([of('real'), of('peapod')]),
        );
      }),
    );
}

export async function compareWatches(comparison: Comparison): Promise<void> {
  await prepare(comparison);
  const made: History[] = [];
  for (const kind of kinds) made.push(await history(comparison, kind, (one) => liveWatches(comparison, one)));
  for (const one of made) {
    await askAll(comparison, one, lists(one));
    await askAll(comparison, one, [...watches(one), ...namedWatches()]);
    await sockets(comparison, one);
  }
  for (const one of made) await pages(comparison, one);
}
