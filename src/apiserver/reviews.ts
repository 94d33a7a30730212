// The reviews that are answered and not stored: who am I, may I, and what may I.
// Follows pkg/registry/authentication/selfsubjectreview and pkg/registry/authorization of v1.36.

import type { JsonObject } from '../api/meta/types.ts';
import { badRequest, FieldPath, invalid, invalidObject } from '../api/meta/errors.ts';
import { JsonSyntaxError } from '../api/schema/json.ts';
import type { AuthorizationRequest, Authorizer } from './authz/authorizer.ts';
import type { ObjectMachinery } from './machinery.ts';
import { readValue } from './registry/decode-body.ts';
import { timeText } from './registry/write-context.ts';
import type { ApiRequest, ApiResponse, UserInfo } from './request.ts';
import { TokenError } from './tokens/claims.ts';
import type { ServiceAccountTokens } from './tokens/service-account-tokens.ts';
import type { VirtualResource } from './virtual.ts';

interface ReviewDeps {
  authorizer: Authorizer;
  machinery: ObjectMachinery;
  tokens: ServiceAccountTokens;
  now(): number;
  /** Resolves once the authorizer knows every acknowledged write. */
  caughtUp(): Promise<void>;
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

interface AccessReviewKind {
  kind: string;
  resource: string;
  namespaced: boolean;
  /** The user whose rights are asked for. */
  subject(request: ApiRequest, spec: Fields): UserInfo;
}

const list = (fields: Fields, name: string): string[] => {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
};

/** The user that a review names. Throws 422 when it names nobody. */
function namedSubject(kind: string, spec: Fields): UserInfo {
  const [name, groups] = [text(spec, 'user'), list(spec, 'groups')];
  if (name === '' && groups.length === 0)
    throw invalidObject({ group: 'authorization.k8s.io', kind }, '', [
      invalid(new FieldPath('spec').child('user'), '', 'at least one of user or group must be specified'),
    ]);
  return { name, groups };
}

/** A local review asks about its own namespace. Throws 400. */
function checkNamespace(question: AuthorizationRequest, namespace: string): void {
  if (question.resource === '') throw badRequest('disallowed on this kind of request');
  if (question.namespace !== namespace)
    throw badRequest(`spec.resourceAttributes.namespace does not match namespace: ${question.namespace}`);
}

function accessReview(deps: ReviewDeps, review: AccessReviewKind): VirtualResource {
  const { kind, resource, namespaced } = review;
  return {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind,
    resource,
    singular: kind.toLowerCase(),
    namespaced,
    verbs: ['create'],
    async create(request, info) {
      const spec = await specOf(request, deps.machinery);
      const question = asked(spec);
      if (namespaced) checkNamespace(question, info.namespace);
      const user = review.subject(request, spec);
      if (!deps.authorizer.allowed(user, question)) await deps.caughtUp();
      return created({
        kind,
        apiVersion: 'authorization.k8s.io/v1',
        metadata: namespaced ? { namespace: info.namespace } : {},
        spec: JSON.parse(JSON.stringify(spec)) as JsonObject,
        status: { allowed: deps.authorizer.allowed(user, question) },
      });
    },
  };
}

const accessReviews: readonly AccessReviewKind[] = [
  {
    kind: 'SelfSubjectAccessReview',
    resource: 'selfsubjectaccessreviews',
    namespaced: false,
    subject: ({ user }) => user,
  },
  {
    kind: 'SubjectAccessReview',
    resource: 'subjectaccessreviews',
    namespaced: false,
    subject: (_, spec) => namedSubject('SubjectAccessReview', spec),
  },
  {
    kind: 'LocalSubjectAccessReview',
    resource: 'localsubjectaccessreviews',
    namespaced: true,
    subject: (_, spec) => namedSubject('LocalSubjectAccessReview', spec),
  },
];

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
      await deps.caughtUp();
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

function tokenReview(deps: ReviewDeps): VirtualResource {
  return {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenReview',
    resource: 'tokenreviews',
    singular: 'tokenreview',
    namespaced: false,
    verbs: ['create'],
    async create(request) {
      const spec = await specOf(request, deps.machinery);
      const token = text(spec, 'token');
      if (token === '') throw badRequest('token is required for TokenReview in authentication');
      const audiences = list(spec, 'audiences');
      return created({
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: {},
        spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
        status: await tokenStatus(deps, token, audiences),
      });
    },
  };
}

async function tokenStatus({ tokens }: ReviewDeps, token: string, audiences: string[]): Promise<JsonObject> {
  try {
    const known = await (audiences.length === 0 ? tokens.authenticate(token) : tokens.authenticate(token, audiences));
    return { authenticated: true, user: userObject(known.user), audiences: known.audiences };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const first = 'invalid bearer token';
    return { user: {}, error: error.message === first ? first : `[${first}, ${error.message}]` };
  }
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
  return [whoAmI(deps), tokenReview(deps), ...accessReviews.map((kind) => accessReview(deps, kind)), rulesReview(deps)];
}
