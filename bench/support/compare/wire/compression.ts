// What is compressed, of answers long and short in every form, and what becomes of compressed bodies.
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import type { Json } from '../difference.ts';
import { type Comparison, parsed, type WireAnswer } from './exchange.ts';

const namespace = 'compressed';
const maps = `/api/v1/namespaces/${namespace}/configmaps`;
const json = { 'content-type': 'application/json' };

/** Headers that tell of the form, and whether the body is as they say. */
function show({ headers, body }: WireAnswer): Json {
  const encoding = headers['content-encoding'] ?? '';
  const told = { type: headers['content-type'] ?? '', encoding, vary: headers['vary'] ?? '' };
  const length = headers['content-length'] === undefined ? 'none' : Number(headers['content-length']) === body.length;
  if (encoding !== 'gzip') return { ...told, length: body.length > 4096 ? '' : length, isPlain: body[0] !== 0x1f };
  return { ...told, isWhole: gunzipSync(body).length > 0 };
}

const showBody = (answer: WireAnswer): Json => ({ ...(show(answer) as object), body: parsed(answer.body) });

const encodings = [
  'gzip',
  'gzip, deflate, br',
  'deflate',
  'gzip;q=0',
  'identity',
  '*',
  'br,gzip;q=0.5',
  'GZIP',
  'x-gzip',
  '',
];
const accepts = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json;as=Table;g=meta.k8s.io;v=v1',
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
];

export async function compareCompression(comparison: Comparison): Promise<void> {
  const ask = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string | Buffer,
    shown = show,
  ): Promise<void> => {
    const what = `${method} ${path} ${JSON.stringify(headers)}`;
    await comparison.ask({ what, method, path, headers, ...(body === undefined ? {} : { body }) }, shown);
  };
  await ask('POST', '/api/v1/namespaces', json, JSON.stringify({ metadata: { name: namespace } }), ({ code }) => code);
  const sizes = [1000, 120_000, 131_072, 140_000, 500_000];
  for (const size of sizes)
    await ask(
      'POST',
      maps,
      { ...json, 'accept-encoding': 'gzip' },
      JSON.stringify({
        metadata: { name: `of-${size}`, labels: { size: String(size) } },
        data: { a: 'a'.repeat(size) },
      }),
    );
  const reads = [
    maps,
    ...sizes.flatMap((size) => [`${maps}/of-${size}`, `${maps}?labelSelector=size%3D${size}`]),
    `${maps}?watch=1&timeoutSeconds=1`,
    `${maps}?limit=2`,
    `${maps}?pretty=1`,
    `${maps}/nosuch`,
  ];
  for (const path of reads)
    for (const accept of accepts) {
      await ask('GET', path, { accept, 'accept-encoding': 'gzip' });
      if (accept === 'application/json')
        for (const encoding of encodings) await ask('GET', path, { accept, 'accept-encoding': encoding });
    }
  for (const path of [
    '/openapi/v2',
    '/openapi/v3',
    '/openapi/v3/api/v1',
    '/openapi/v3/apis/apps/v1',
    '/api',
    '/apis',
    '/api/v1',
    '/version',
    '/metrics',
    '/healthz',
    '/nosuch',
  ])
    for (const encoding of ['gzip', 'identity', 'gzip;q=0'])
      await ask('GET', path, { 'accept-encoding': encoding }, undefined, ({ headers }) => ({
        type: headers['content-type']?.split(';')[0] ?? '',
        encoding: headers['content-encoding'] ?? '',
        vary: headers['vary'] ?? '',
      }));
  const big = JSON.stringify({ metadata: { labels: { more: 'x' } } });
  const patch = { 'content-type': 'application/merge-patch+json', 'accept-encoding': 'gzip' };
  await ask('PATCH', `${maps}/of-500000`, patch, big);
  await ask(
    'PUT',
    `${maps}/of-500000`,
    { ...json, 'accept-encoding': 'gzip' },
    JSON.stringify({ metadata: { name: 'of-500000' }, data: { a: 'b'.repeat(500_000) } }),
  );
  await ask('DELETE', `${maps}/of-500000?dryRun=All`, { 'accept-encoding': 'gzip' });
  await ask('DELETE', `${maps}?dryRun=All`, { 'accept-encoding': 'gzip' });
  const object = JSON.stringify({ metadata: { name: 'packed' } });
  for (const encoding of ['gzip', 'deflate', 'identity', 'br', 'odd', 'GZIP', '']) {
    const headers = { ...json, 'content-encoding': encoding };
    for (const body of [gzipSync(object), deflateSync(object), object]) {
      await ask('POST', `${maps}?dryRun=All`, headers, body, ({ code }) => code);
      await ask(
        'PATCH',
        `${maps}/of-1000?dryRun=All`,
        { ...headers, 'content-type': patch['content-type'] },
        body,
        ({ code }) => code,
      );
      await ask('DELETE', `${maps}/nosuch`, headers, body, ({ code }) => code);
    }
    await ask('POST', `${maps}?dryRun=All`, headers, object, showBody);
  }
}
