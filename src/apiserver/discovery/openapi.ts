// /openapi/v2 and /openapi/v3: documents made when first asked for, kept as bytes, with ETags.
// Follows kube-openapi pkg/handler and pkg/handler3.

import { createHash } from 'node:crypto';
import { combinedSchema } from '../../api/openapi/combined-schema.ts';
import { groupVersionPath, type ShownKind } from '../../api/openapi/operation.ts';
import { openApiV2Document } from '../../api/openapi/v2.ts';
import { lonelyDocuments, openApiV3Document, openApiV3Index, openApiV3Lonely } from '../../api/openapi/v3.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import type { Descriptions } from '../../api/schema/load.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { mediaRanges } from '../negotiation.ts';
import { encodeOpenApiV2 } from '../protobuf/encode-openapi.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { jsonInSlices } from './json-in-slices.ts';
import { mergeRemoteV2 } from './merge-openapi-v2.ts';

export interface OpenApiOptions {
  schema: Schema;
  /** Loaded apart, for they are large and only this needs them. */
  descriptions(): Promise<Descriptions>;
  /** What is served now. */
  kinds(): readonly ShownKind[];
  /** Grows whenever that changes. */
  generation(): number;
  /** What extension servers serve, with the documents that they show. */
  remote?(): readonly RemoteOpenApi[];
  /** Peapod's version: changes every address. */
  build: string;
}

/** One group version of an extension server. */
export interface RemoteOpenApi {
  group: string;
  version: string;
  /** Where its document is: a path with a query that changes with it. */
  openApiV3: string | undefined;
  openApiV2: JsonObject | undefined;
}

interface Document {
  bytes: Buffer;
  etag: string;
}

/** Answers the OpenAPI paths; undefined for others. */
export function openApiHandler(
  options: OpenApiOptions,
): (request: ApiRequest) => Promise<ApiResponse | undefined> | undefined {
  let served: Served | undefined;
  const now = (): Served => {
    const generation = options.generation();
    if (served?.generation !== generation) served = servedNow(options, generation, served?.byAddress);
    return served;
  };
  const v2Document = async ({ schema, kinds, remote }: Served): Promise<JsonObject> =>
    withRemotes(openApiV2Document(schema, await options.descriptions(), kinds), remote);
  const v2 = async (all: Served): Promise<Buffer> => await slicedBytes(await v2Document(all));
  const v2Protobuf = async (all: Served): Promise<Buffer> => encodeOpenApiV2(await v2Document(all));
  const openApiV2 = (request: ApiRequest): Promise<ApiResponse> => {
    const vary = 'Accept-Encoding, Accept';
    const form = mediaRanges(request.accept).find(
      (range) => jsonTypes.has(range.type) || protobufTypes.has(range.type),
    );
    if (form === undefined && request.accept !== '') return Promise.resolve(unacceptable(vary));
    const all = now();
    if (form === undefined || jsonTypes.has(form.type))
      return answer(request, () => keep(all.documents, 'v2', () => v2(all)), vary);
    const make = () => keep(all.documents, 'v2 protobuf', () => v2Protobuf(all));
    return answer(request, make, vary, [...protobufTypes][0]);
  };
  return (request) => {
    const path = request.path.replace(/\/$/, '');
    if (path === '/openapi/v2') return openApiV2(request);
    // The index is given to everybody, whatever they accept.
    if (path === '/openapi/v3') return answer(request, () => Promise.resolve(now().index), 'Accept');
    if (!path.startsWith('/openapi/v3/')) return undefined;
    const all = now();
    const one = all.v3.get(path.slice('/openapi/v3/'.length));
    if (one === undefined) return nothingThere;
    if (!takesJson(request)) return Promise.resolve(unacceptable('Accept'));
    const make = async (): Promise<Buffer> => await slicedBytes(one.document(await options.descriptions()));
    return answer(request, () => keep(all.byAddress, one.address, make), 'Accept');
  };
}

/** A document that there is not; upstream says no more. */
const nothingThere: Promise<ApiResponse> = Promise.resolve({
  type: 'raw',
  code: 404,
  contentType: '',
  bytes: Buffer.alloc(0),
  rendering: { as: 'object' },
});

/** All that is served, as of one generation, and the documents made of it so far. */
interface Served {
  readonly generation: number;
  readonly kinds: readonly ShownKind[];
  readonly remote: readonly RemoteOpenApi[];
  readonly schema: Schema;
  readonly index: Document;
  /** By the path behind /openapi/v3/. `address` changes whenever its document does. */
  readonly v3: ReadonlyMap<string, { address: string; document(descriptions: Descriptions): JsonObject }>;
  /** Documents of all kinds together. */
  readonly documents: Map<string, Promise<Document>>;
  /** Documents of one group version, by address. */
  readonly byAddress: Map<string, Promise<Document>>;
}

/** `before` has the documents that were made for an earlier generation: those of group versions that did not change stay. */
function servedNow(
  options: OpenApiOptions,
  generation: number,
  before: ReadonlyMap<string, Promise<Document>> = new Map(),
): Served {
  const remote = options.remote?.() ?? [];
  const isRemote = ({ group, version }: ShownKind): boolean =>
    remote.some((one) => one.group === group && one.version === version);
  const kinds = options.kinds().filter((kind) => !isRemote(kind));
  const index = openApiV3Index(kinds, options.build);
  const schema = combinedSchema(options.schema, kinds);
  const v3 = new Map<string, { address: string; document(descriptions: Descriptions): JsonObject }>();
  const byAddress = new Map<string, Promise<Document>>();
  const add = (path: string, document: (descriptions: Descriptions) => JsonObject): void => {
    const address = index.paths[path]?.serverRelativeURL ?? path;
    v3.set(path, { address, document });
    const kept = before.get(address);
    if (kept !== undefined) byAddress.set(address, kept);
  };
  for (const { group, version } of kinds)
    add(groupVersionPath(group, version), (texts) => openApiV3Document(schema, texts, kinds, group, version));
  for (const [path, operation] of lonelyDocuments(kinds))
    add(path, (texts) => openApiV3Lonely(schema, texts, operation));
  for (const { group, version, openApiV3 } of remote) {
    const path = groupVersionPath(group, version);
    // The document itself is asked of the extension server.
    if (openApiV3?.startsWith(`/openapi/v3/${path}`)) index.paths[path] = { serverRelativeURL: openApiV3 };
  }
  return {
    generation,
    kinds,
    remote,
    schema,
    index: documentOf(jsonBytes(index)),
    v3,
    documents: new Map(),
    byAddress,
  };
}

/** The document of this server with the parts of extension servers. */
const withRemotes = (own: JsonObject, remote: readonly RemoteOpenApi[]): JsonObject =>
  remote.reduce(
    (merged, { group, version, openApiV2 }) =>
      openApiV2 === undefined ? merged : mergeRemoteV2(merged, openApiV2, `/${groupVersionPath(group, version)}/`),
    own,
  );

function keep(documents: Map<string, Promise<Document>>, name: string, make: () => Promise<Buffer>): Promise<Document> {
  let found = documents.get(name);
  if (found === undefined) {
    found = make().then(documentOf);
    // A failure is not kept.
    found.catch(() => documents.delete(name));
    documents.set(name, found);
  }
  return found;
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

const jsonTypes = new Set(['application/json', '*/*', 'application/*', '*']);

/** The form of v2 that old clients ask for, by its new name and its old one. */
const protobufTypes = new Set([
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
]);

/** What a client is told that takes no form of a document: no more than that. */
const unacceptable = (vary: string): ApiResponse => ({
  type: 'raw',
  code: 406,
  contentType: '',
  bytes: Buffer.alloc(0),
  vary,
  rendering: { as: 'object' },
});

const takesJson = ({ accept }: ApiRequest): boolean =>
  accept === '' || mediaRanges(accept).some((range) => jsonTypes.has(range.type));

async function answer(
  request: ApiRequest,
  make: () => Promise<Document>,
  vary: string,
  contentType = 'application/json',
): Promise<ApiResponse> {
  const { bytes, etag } = await make();
  const same = request.ifNoneMatch === etag;
  return {
    type: 'raw',
    code: same ? 304 : 200,
    contentType,
    bytes: same ? Buffer.alloc(0) : bytes,
    etag,
    vary,
    rendering: { as: 'object' },
  };
}
