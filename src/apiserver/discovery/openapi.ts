// /openapi/v2 and /openapi/v3: documents made when first asked for, kept as bytes, with ETags.
// Follows kube-openapi pkg/handler and pkg/handler3.

import { createHash } from 'node:crypto';
import { notAcceptable } from '../../api/meta/errors.ts';
import { openApiV2Document } from '../../api/openapi/v2.ts';
import { openApiV3Document, openApiV3Index } from '../../api/openapi/v3.ts';
import type { AnyKind } from '../../api/scheme.ts';
import type { Descriptions } from '../../api/schema/load.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { mediaRanges } from '../negotiation.ts';
import { encodeOpenApiV2 } from '../protobuf/encode-openapi.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { jsonInSlices } from './json-in-slices.ts';

export interface OpenApiOptions {
  schema: Schema;
  /** Loaded apart, for they are large and only this needs them. */
  descriptions(): Promise<Descriptions>;
  kinds: readonly AnyKind[];
  /** Peapod's version: changes every address. */
  build: string;
}

interface Document {
  bytes: Buffer;
  etag: string;
}

/** Answers the OpenAPI paths; undefined for others. */
export function openApiHandler(
  options: OpenApiOptions,
): (request: ApiRequest) => Promise<ApiResponse | undefined> | undefined {
  const { schema, kinds, build } = options;
  const documents = new Map<string, Promise<Document>>();
  const groupVersions = new Map(
    kinds.map(({ group, version }) => [
      group === '' ? `api/${version}` : `apis/${group}/${version}`,
      { group, version },
    ]),
  );
  const keep = (name: string, make: () => Promise<Buffer>): Promise<Document> => {
    let found = documents.get(name);
    if (found === undefined) {
      found = make().then(documentOf);
      // A failure is not kept.
      found.catch(() => documents.delete(name));
      documents.set(name, found);
    }
    return found;
  };
  const v2 = async (): Promise<Buffer> =>
    await slicedBytes(openApiV2Document(schema, await options.descriptions(), kinds));
  const v2Protobuf = async (): Promise<Buffer> =>
    encodeOpenApiV2(openApiV2Document(schema, await options.descriptions(), kinds));
  const openApiV2 = (request: ApiRequest): Promise<ApiResponse> => {
    const form = mediaRanges(request.accept).find(
      (range) => jsonTypes.has(range.type) || protobufTypes.has(range.type),
    );
    if (form === undefined || jsonTypes.has(form.type)) return answer(request, () => keep('v2', v2));
    return answer(request, () => keep('v2 protobuf', v2Protobuf), [...protobufTypes][0]);
  };
  return (request) => {
    const path = request.path.replace(/\/$/, '');
    if (path === '/openapi/v2') return openApiV2(request);
    if (path === '/openapi/v3')
      return answer(request, () => keep('v3', () => Promise.resolve(jsonBytes(openApiV3Index(kinds, build)))));
    if (!path.startsWith('/openapi/v3/')) return undefined;
    const groupVersion = groupVersions.get(path.slice('/openapi/v3/'.length));
    if (groupVersion === undefined) return undefined;
    const { group, version } = groupVersion;
    const make = async (): Promise<Buffer> =>
      await slicedBytes(openApiV3Document(schema, await options.descriptions(), kinds, group, version));
    return answer(request, () => keep(path, make));
  };
}

const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Building, writing and hashing each have turns of the event loop of their own. */
async function slicedBytes(value: object): Promise<Buffer> {
  await nextTurn();
  const bytes = Buffer.from(await jsonInSlices(value));
  await nextTurn();
  return bytes;
}

const documentOf = (bytes: Buffer): Document => ({
  bytes,
  etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`,
});

const jsonTypes = new Set(['application/json', '*/*', 'application/*']);

/** The form of v2 that old clients ask for, by its new name and its old one. */
const protobufTypes = new Set([
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
]);

/** JSON, unless another form was made. */
async function answer(
  request: ApiRequest,
  make: () => Promise<Document>,
  contentType = 'application/json',
): Promise<ApiResponse> {
  const refusable = contentType === 'application/json' && request.accept !== '';
  if (refusable && !mediaRanges(request.accept).some((range) => jsonTypes.has(range.type)))
    throw notAcceptable('only the following media types are accepted: application/json');
  const { bytes, etag } = await make();
  const same = request.ifNoneMatch === etag;
  return {
    type: 'raw',
    code: same ? 304 : 200,
    contentType,
    bytes: same ? Buffer.alloc(0) : bytes,
    etag,
    vary: 'Accept-Encoding, Accept',
    rendering: { as: 'object' },
  };
}
