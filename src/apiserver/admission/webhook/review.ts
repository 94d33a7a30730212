// AdmissionReview, as webhooks are sent it and as they answer. Pure.
// Follows apiserver pkg/admission/plugin/webhook/request/admissionreview.go and errors/statuserror.go of v1.36.

import { ApiError } from '../../../api/meta/errors.ts';
import { goQuote } from '../../../api/meta/go-format.ts';
import type { JsonObject, KubeObject, Status } from '../../../api/meta/types.ts';
import type { ResourceInfo } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { requestNamespace } from '../matching/rules.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

/** What a webhook is asked about: the request as it would be made to `resource`, with objects of that. */
export interface ReviewSubject {
  at: AdmissionAttributes;
  resource: ResourceInfo;
  object: KubeObject | undefined;
  old: KubeObject | undefined;
}

/** The first version in the webhook's list that is spoken here. */
export const reviewVersion = (versions: readonly string[]): ReviewVersion | undefined =>
  versions.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** The kind of what is written: its own where a subresource takes another kind than the resource holds. */
function kindOf(resource: ResourceInfo, object: KubeObject | undefined): GroupVersionKind {
  const { group, version, kind } = resource.kind;
  if (object?.kind === undefined || object.kind === kind) return { group, version, kind };
  const slash = (object.apiVersion ?? '').lastIndexOf('/');
  const own = object.apiVersion ?? '';
  return { group: slash < 0 ? '' : own.slice(0, slash), version: own.slice(slash + 1), kind: object.kind };
}

const resourceOf = ({ kind: { group, version, resource } }: ResourceInfo): JsonObject => ({ group, version, resource });

/** What a request is, without its objects and options. */
export function requestFields({ at, resource, object }: ReviewSubject): Readonly<Record<string, unknown>> {
  const { user, subresource } = at;
  const namespace = requestNamespace(at);
  return {
    kind: kindOf(resource, object),
    resource: resourceOf(resource),
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: kindOf(at.resource, at.object),
    requestResource: resourceOf(at.resource),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(at.name === '' ? {} : { name: at.name }),
    ...(namespace === '' ? {} : { namespace }),
    operation: at.operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
  };
}

/** The request in JSON, to be sent as it is. */
export function reviewBody(version: ReviewVersion, uid: string, subject: ReviewSubject): Buffer {
  const { at, object, old } = subject;
  const request = {
    uid,
    ...requestFields(subject),
    object: object ?? null,
    oldObject: old ?? null,
    dryRun: at.dryRun,
    options: at.options() ?? null,
  };
  return Buffer.from(JSON.stringify({ kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request }));
}

/** A webhook's verdict, checked. */
export interface Verdict {
  allowed: boolean;
  result: Partial<Status> | undefined;
  /** The text of a JSON patch; empty for none. */
  patch: string;
  patchType: string;
  warnings: readonly string[];
  auditAnnotations: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const goKind = (apiVersion: string, kind: string): string =>
  `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;

function field<T>(from: Fields, name: string, isRight: (value: unknown) => value is T, type: string): T | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (isRight(value)) return value;
  const is = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw new Error(`json: cannot unmarshal ${is} into Go struct field AdmissionReview.response.${name} of type ${type}`);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTruth = (value: unknown): value is boolean => typeof value === 'boolean';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isTextMap = (value: unknown): value is Record<string, string> =>
  isFields(value) && Object.values(value).every(isText);

/** Reads a webhook's answer. Throws an Error that says what is wrong with it, in upstream's words. */
export function readVerdict(version: ReviewVersion, uid: string, mutating: boolean, answer: unknown): Verdict {
  if (!isFields(answer))
    throw new Error('json: cannot unmarshal into Go value of type struct { APIVersion string; Kind string }');
  const apiVersion = field(answer, 'apiVersion', isText, 'string') ?? '';
  const kind = field(answer, 'kind', isText, 'string') ?? '';
  const response = field(answer, 'response', isFields, 'v1.AdmissionResponse');
  if (response === undefined) throw new Error('webhook response was absent');
  const patchText = field(response, 'patch', isText, '[]uint8') ?? '';
  const patch = Buffer.from(patchText, 'base64').toString('utf8');
  const patchType = field(response, 'patchType', isText, 'v1.PatchType');
  const verdict: Verdict = {
    allowed: field(response, 'allowed', isTruth, 'bool') ?? false,
    result: field(response, 'status', isFields, 'v1.Status') as Partial<Status> | undefined,
    patch,
    patchType: patchType ?? '',
    warnings: field(response, 'warnings', isTexts, '[]string') ?? [],
    auditAnnotations: field(response, 'auditAnnotations', isTextMap, 'map[string]string') ?? {},
  };
  if (version === 'v1beta1') return { ...verdict, patchType: patch === '' ? '' : 'JSONPatch' };
  const answered = field(response, 'uid', isText, 'types.UID') ?? '';
  if (answered !== uid) throw new Error(`expected response.uid=${goQuote(uid)}, got ${goQuote(answered)}`);
  const wanted = `admission.k8s.io/${version}`;
  if (apiVersion !== wanted || kind !== 'AdmissionReview')
    throw new Error(
      `expected webhook response of ${goKind(wanted, 'AdmissionReview')}, got ${goKind(apiVersion, kind)}`,
    );
  checkPatch(mutating, patch, patchType);
  return verdict;
}

/** A patch and its type come together, and from mutating webhooks only. Throws Errors. */
function checkPatch(mutating: boolean, patch: string, patchType: string | undefined): void {
  if (!mutating) {
    if (patch !== '') throw new Error('validating webhook may not return response.patch');
    if (patchType !== undefined) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && patchType === undefined)
    throw new Error('webhook returned response.patch but not response.patchType');
  if (patch === '' && patchType !== undefined)
    throw new Error('webhook returned response.patchType but not response.patch');
  if (patch !== '' && patchType === '')
    throw new Error(`webhook returned invalid response.patchType of ${goQuote('')}`);
}

/** A webhook's no, as against all that can go wrong in asking it. */
export class WebhookDenial extends ApiError {}

/** What a client is told whose request a webhook denied: the webhook's own status, if it gave one. */
export function denial(name: string, result: Partial<Status> | undefined): WebhookDenial {
  const { message = '', reason = '', code = 0, status = '', details } = result ?? {};
  const by = `admission webhook ${goQuote(name)} denied the request`;
  const why = message || reason;
  return new WebhookDenial({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: status === '' || status === 'Success' ? 'Failure' : status,
    message: why === '' ? `${by} without explanation` : `${by}: ${why}`,
    ...(reason === '' ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code: code < 400 ? 400 : code,
  });
}
