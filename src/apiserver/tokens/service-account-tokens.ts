// Service account tokens of one API server: issuing, authenticating, reviewing, and the documents that tell others how to verify them.
// Follows pkg/registry/core/serviceaccount/storage/token.go, pkg/registry/authentication/tokenreview and pkg/routes/openidmetadata.go
// of v1.36.

import type { BoundObjectReference, Pod, ServiceAccount, TokenRequest } from '../../api/generated/types.ts';
import { fillNullFields } from '../../api/schema/unset-fields.ts';
import { tokenRequestKind, validateTokenRequest } from '../../api/kinds/tokenrequest/definition.ts';
import {
  badRequest,
  conflict,
  FieldPath,
  invalid,
  invalidObject,
  methodNotServed,
  notFound,
} from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { type JsonObject, parseApiVersion } from '../../api/meta/types.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { decodeObject } from '../registry/decode-body.ts';
import type { StoredObject } from '../registry/object-version.ts';
import { attributes, trackFields, type WriteContext } from '../registry/write-context.ts';
import { writeOptions } from '../registry/write-options.ts';
import type { TokenAuthenticator } from '../authn/authenticator.ts';
import { refuseRoute } from '../negotiation.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { RequestInfo } from '../request-info.ts';
import { objectKey, type ResourceInfo, type ResourceTable, resourceTable } from '../resources.ts';
import { type FindObject, tokenClaims, type TokenSubject, tokenUser } from './claims.ts';
import type { TokenSigner } from './jwt.ts';

export interface ServiceAccountTokens extends TokenAuthenticator {
  /** Answers a create of serviceaccounts/NAME/token. */
  request(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>;
  /** Answers /openid/v1/jwks and /.well-known/openid-configuration; undefined for other paths. */
  answer(request: ApiRequest): ApiResponse | undefined;
}

export interface TokenDeps {
  registry: RegistryDeps;
  resources: ResourceTable;
  signer: TokenSigner;
  /** The first signs; tokens of all of them count. */
  issuers: readonly string[];
  /** What tokens are for where nothing is asked for. */
  audiences: readonly string[];
  /** host:port under which clients find the key set. */
  address(): string;
}

/** Tokens whose signature was found good lately. */
const verifiedLimit = 2048;

/** Objects from the caches; one that is missing may only not have come in yet. */
function finder(feed: CacheFeed, resources: ResourceTable): FindObject {
  return async (resource, namespace, name) => {
    const info = resources.find('', 'v1', resource);
    if (info === undefined) return undefined;
    const key = objectKey(info, namespace, name);
    const { objects } = feed.cache(info);
    const known = objects.get(key);
    if (known !== undefined) return known.object();
    await feed.caughtUp();
    return objects.get(key)?.object();
  };
}

export function createServiceAccountTokens(deps: TokenDeps): ServiceAccountTokens {
  const { registry, resources, signer } = deps;
  const find = finder(registry.feed, resources);
  const verified = new Map<string, JsonObject>();
  const claimsOf = (token: string): JsonObject | undefined => {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const claims = signer.verify(token);
    if (claims === undefined || !deps.issuers.some((issuer) => issuer === claims['iss'])) return undefined;
    if (verified.size >= verifiedLimit) verified.clear();
    verified.set(token, claims);
    return claims;
  };
  const requests = resourceTable([tokenRequestKind]).all[0];
  const accounts = resources.find('', 'v1', 'serviceaccounts');
  return {
    async authenticate(token, audiences) {
      const claims = claimsOf(token);
      return claims === undefined ? undefined : tokenUser(claims, audiences, find, registry.clock.now());
    },
    async request(request, info) {
      if (requests === undefined || accounts === undefined)
        throw notFound({ group: '', resource: 'serviceaccounts' }, '');
      return issue({ ...deps, find, requests, accounts }, request, info);
    },
    answer: (request) => metadataDocument(deps, request),
  };
}

interface IssueDeps extends TokenDeps {
  find: FindObject;
  requests: ResourceInfo;
  accounts: ResourceInfo;
}

async function issue(deps: IssueDeps, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const { registry, accounts } = deps;
  const { name, namespace } = info;
  const options = writeOptions(request, 'CreateOptions');
  const warnings = (request.warnings ??= []);
  const decoded = await decodeObject(request, deps.requests, registry.machinery, options.fieldValidation, warnings);
  const wanted = decoded as TokenRequest & StoredObject;
  const { metadata } = wanted;
  if (metadata.namespace && metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (metadata.name && metadata.name !== name) {
    const path = new FieldPath('metadata').child('name');
    const errors = [invalid(path, metadata.name, 'must match the service account name if specified')];
    throw invalidObject(deps.requests.kind, name, errors);
  }
  const account = (await deps.find('serviceaccounts', namespace, name)) as (ServiceAccount & StoredObject) | undefined;
  if (account === undefined) throw notFound(accounts.qualified, name);
  const context: WriteContext = {
    deps: registry,
    info: accounts,
    user: request.user,
    request,
    options,
    subresource: 'token',
    namespace,
    warnings,
  };
  await trackFields({ ...context, info: deps.requests }, tokenRequestKind.strategy, undefined, wanted);
  await registry.admission.mutate(attributes(context, 'CREATE', name, wanted, undefined));
  const errors = validateTokenRequest(wanted);
  if (errors.length > 0) throw invalidObject(deps.requests.kind, '', errors);
  await registry.admission.validate(attributes(context, 'CREATE', name, wanted, undefined));
  const { expirationSeconds: seconds = 0, boundObjectRef } = wanted.spec ?? {};
  const given = wanted.spec?.audiences ?? [];
  const audiences = given.length > 0 ? given : deps.audiences;
  const bound = boundObjectRef === undefined ? {} : await boundTo(deps.find, namespace, name, boundObjectRef);
  const subject: TokenSubject = { namespace, account: { name, uid: account.metadata.uid ?? '' }, ...bound };
  const now = registry.clock.now();
  const token = deps.signer.sign(
    tokenClaims(subject, { issuer: deps.issuers[0] ?? '', audiences, seconds, now, id: registry.random.uuid() }),
  );
  const body = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(now) },
    spec: { ...wanted.spec, audiences: [...audiences], expirationSeconds: seconds },
    status: { token, expirationTimestamp: formatTime(Math.floor(now / 1000) * 1000 + seconds * 1000) },
  };
  fillNullFields(registry.machinery.schema, tokenRequestKind.definition, body);
  return {
    type: 'json',
    code: 201,
    body: body as JsonObject & typeof body,
    rendering: { as: 'object' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** The object that the token shall end with. Throws 400, 404, 409. */
async function boundTo(
  find: FindObject,
  namespace: string,
  account: string,
  ref: BoundObjectReference,
): Promise<Pick<TokenSubject, 'pod' | 'secret' | 'node'>> {
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  const { kind = '', name = '' } = ref;
  const resource = ({ Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const)[kind];
  if (group !== '' || resource === undefined)
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  const object = await find(resource, resource === 'nodes' ? '' : namespace, name);
  if (object === undefined) throw notFound({ group: '', resource }, name);
  const { uid = '' } = object.metadata;
  const pod = resource === 'pods' ? (object as Pod) : undefined;
  const runsAs = pod?.spec?.serviceAccountName ?? '';
  if (pod !== undefined && runsAs !== account)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  if (ref.uid && ref.uid !== uid)
    throw conflict(
      { group: '', resource: kind },
      name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const found = { name, uid };
  if (resource === 'secrets') return { secret: found };
  if (resource === 'nodes') return { node: found };
  const nodeName = pod?.spec?.nodeName ?? '';
  if (nodeName === '') return { pod: found };
  const node = await find('nodes', '', nodeName);
  return {
    pod: found,
    node: { name: nodeName, ...(node?.metadata.uid === undefined ? {} : { uid: node.metadata.uid }) },
  };
}

function metadataDocument(
  { signer, issuers, address }: TokenDeps,
  { path, method, accept }: ApiRequest,
): ApiResponse | undefined {
  const document = (contentType: string, body: JsonObject): ApiResponse => {
    if (method !== 'GET') throw methodNotServed();
    refuseRoute(accept, [contentType]);
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = { 'cache-control': 'public, max-age=3600' };
    return { type: 'raw', code: 200, contentType, bytes, headers, rendering: { as: 'object' } };
  };
  switch (path.replace(/\/$/, '')) {
    case '/openid/v1/jwks':
      return document('application/jwk-set+json', signer.keySet);
    case '/.well-known/openid-configuration':
      return document('application/json', {
        issuer: issuers[0] ?? '',
        jwks_uri: `https://${address()}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [...signer.algorithms],
      });
    default:
      return undefined;
  }
}
