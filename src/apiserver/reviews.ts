// The reviews that are answered and not stored: who am I, may I, and what may I.
// Follows pkg/registry/authentication/selfsubjectreview and pkg/registry/authorization of v1.36.

import type { JsonObject } from '../api/meta/types.ts';
import { badRequest } from '../api/meta/errors.ts';
import { JsonSyntaxError } from '../api/schema/json.ts';
import { deniedText, type AuthorizationRequest, type Authorizer } from './authz/authorizer.ts';
import type { ObjectMachinery } from './machinery.ts';
import { readValue } from './registry/decode-body.ts';
import { timeText } from './registry/write-context.ts';
import type { ApiRequest, ApiResponse, UserInfo } from './request.ts';
import type { VirtualResource } from './virtual.ts';

interface ReviewDeps {
  authorizer: Authorizer;
  machinery: ObjectMachinery;
  now(): number;
}

const created = (body: JsonObject): ApiResponse => ({ type: 'json', code: 201, body, rendering: { as: 'object' } });

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (fields: Fields, name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');

/** The body's spec; an empty one where there is none. */
async function specOf(request: ApiRequest, machinery: ObjectMachinery): Promise<Fields> {
  try {
    const { value } = await readValue(request, machinery);
    if (!isFields(value)) throw badRequest('the body is no object');
    return isFields(value['spec']) ? value['spec'] : {};
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(error.message);
    throw error;
  }
}

/** What an access review asks, in the authorizer's terms. */
function asked(spec: Fields): AuthorizationRequest {
  const resource = spec['resourceAttributes'];
  const path = spec['nonResourceAttributes'];
  const nothing = { verb: '', resource: '', group: '', subresource: '', namespace: '', name: '', path: '' };
  if (isFields(resource))
    return {
      ...nothing,
      verb: text(resource, 'verb'),
      resource: text(resource, 'resource'),
      group: text(resource, 'group'),
      subresource: text(resource, 'subresource'),
      namespace: text(resource, 'namespace'),
      name: text(resource, 'name'),
    };
  if (isFields(path)) return { ...nothing, verb: text(path, 'verb'), path: text(path, 'path') };
  throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
}

function accessReview(deps: ReviewDeps): VirtualResource {
  return {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    resource: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    namespaced: false,
    verbs: ['create'],
    async create(request) {
      const spec = await specOf(request, deps.machinery);
      const question = asked(spec);
      const allowed = deps.authorizer.allowed(request.user, question);
      return created({
        kind: 'SelfSubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        metadata: {},
        spec: JSON.parse(JSON.stringify(spec)) as JsonObject,
        status: allowed ? { allowed: true } : { allowed: false, reason: deniedText(request.user, question) },
      });
    },
  };
}

function rulesReview(deps: ReviewDeps): VirtualResource {
  return {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    resource: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    namespaced: false,
    verbs: ['create'],
    async create(request) {
      const spec = await specOf(request, deps.machinery);
      const namespace = text(spec, 'namespace');
      if (namespace === '') throw badRequest('no namespace on request');
      const rules = deps.authorizer.rules(request.user, namespace);
      return created({
        kind: 'SelfSubjectRulesReview',
        apiVersion: 'authorization.k8s.io/v1',
        metadata: {},
        spec: {},
        status: {
          resourceRules: rules
            .filter((r) => r.resources !== undefined)
            .map((r) => ({
              verbs: [...r.verbs],
              apiGroups: [...(r.apiGroups ?? [])],
              resources: [...(r.resources ?? [])],
              ...(r.resourceNames === undefined ? {} : { resourceNames: [...r.resourceNames] }),
            })),
          nonResourceRules: rules
            .filter((r) => r.nonResourceURLs !== undefined)
            .map((r) => ({ verbs: [...r.verbs], nonResourceURLs: [...(r.nonResourceURLs ?? [])] })),
          incomplete: false,
        },
      });
    },
  };
}

function whoAmI(deps: ReviewDeps): VirtualResource {
  return {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    resource: 'selfsubjectreviews',
    singular: 'selfsubjectreview',
    namespaced: false,
    verbs: ['create'],
    create(request) {
      return Promise.resolve(
        created({
          kind: 'SelfSubjectReview',
          apiVersion: 'authentication.k8s.io/v1',
          metadata: { creationTimestamp: timeText(deps.now()) },
          status: { userInfo: userObject(request.user) },
        }),
      );
    },
  };
}

const userObject = (user: UserInfo): JsonObject => ({
  username: user.name,
  ...(user.uid === undefined ? {} : { uid: user.uid }),
  groups: [...user.groups],
  ...(user.extra === undefined
    ? {}
    : { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
});

export function reviewResources(deps: ReviewDeps): VirtualResource[] {
  return [whoAmI(deps), accessReview(deps), rulesReview(deps)];
}
