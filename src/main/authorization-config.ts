// Reads an AuthorizationConfiguration: who decides what may be done, in which order.
// Follows apiserver pkg/apis/apiserver/{v1/defaults,validation/validation}.go of v1.36, whose messages these are.

import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { duplicate, type FieldError, FieldPath, invalid, notSupported, required, tooMany } from '../api/meta/errors.ts';
import { goDuration, parseGoDuration } from '../api/meta/go-format.ts';
import { dns1123Subdomain } from '../api/meta/names.ts';
import { type AuthorizationMode, builtModes, type ConfiguredAuthorizer } from '../apiserver/authz/modes.ts';
import type { AuthorizationWebhook } from '../apiserver/authz/webhook-authorizer.ts';
import { reviewClient } from '../apiserver/http/review-client.ts';
import { type Fields, fieldsOf, flagOf, listOf, refuseWith, rootOf, textOf } from './config-fields.ts';
import { readWebhookKubeconfig } from './webhook-kubeconfig.ts';

const types = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const maxTimeoutMs = 30_000;
const maxConditions = 64;
const defaultAuthorizedMs = 5 * 60_000;
const defaultUnauthorizedMs = 30_000;

const webhookFields = [
  'authorizedTTL',
  'cacheAuthorizedRequests',
  'unauthorizedTTL',
  'cacheUnauthorizedRequests',
  'timeout',
  'subjectAccessReviewVersion',
  'matchConditionSubjectAccessReviewVersion',
  'failurePolicy',
  'connectionInfo',
  'matchConditions',
];

interface Reading {
  fields: Fields;
  /** As upstream has it: of the authorizer, not of its webhook. */
  path: FieldPath;
  errors: FieldError[];
}

/** ms; `usual` where nothing is said, 0 where that is an error. */
function durationOf({ fields, path, errors }: Reading, name: string, most: number, usual = 0): number {
  const text = textOf(fields[name], path.child(name).text);
  const ms = text === undefined ? usual : parseGoDuration(text);
  if (ms === undefined) throw new Error(`${path.child(name).text}: time: invalid duration ${JSON.stringify(text)}`);
  if (ms === 0) errors.push(required(path.child(name)));
  else if (ms < 0 || ms > most)
    errors.push(
      invalid(path.child(name), goDuration(ms), most === Infinity ? 'must be > 0s' : 'must be > 0s and <= 30s'),
    );
  return ms;
}

/** One of the values, which must be there. */
function choiceOf<T extends string>({ fields, path, errors }: Reading, name: string, values: readonly [T, ...T[]]): T {
  const text = textOf(fields[name], path.child(name).text) ?? '';
  const found = values.find((value) => value === text);
  if (found === undefined)
    errors.push(text === '' ? required(path.child(name)) : notSupported(path.child(name), text, values));
  return found ?? values[0];
}

async function connectionOf({ fields, path, errors }: Reading): Promise<string | undefined> {
  const at = path.child('connectionInfo');
  const info = fieldsOf(fields['connectionInfo'], at.text, ['type', 'kubeConfigFile']);
  const fileAt = at.child('kubeConfigFile');
  const [type = '', file] = [textOf(info['type'], at.child('type').text), textOf(info['kubeConfigFile'], fileAt.text)];
  if (type === 'InClusterConfig')
    throw new Error(`${at.text}.type: InClusterConfig is for API servers that run in a pod: name a kubeConfigFile`);
  if (type === '') errors.push(required(at.child('type')));
  else if (type !== 'KubeConfigFile')
    errors.push(notSupported(at.child('type'), type, ['InClusterConfig', 'KubeConfigFile']));
  else if (file === undefined || file === '') errors.push(required(fileAt));
  else if (!isAbsolute(file)) errors.push(invalid(fileAt, file, 'must be an absolute path'));
  else {
    const known = await stat(file).catch((error: unknown) => (error instanceof Error ? error : new Error('unknown')));
    if (known instanceof Error) errors.push(invalid(fileAt, file, `error loading file: ${known.message}`));
    else if (!known.isFile()) errors.push(invalid(fileAt, file, 'must be a regular file'));
    else return file;
  }
  return undefined;
}

/** Compiles the conditions; CEL is loaded only where there are some. */
async function conditionsOf({ fields, path, errors }: Reading): Promise<Pick<AuthorizationWebhook, 'concerns'>> {
  const at = path.child('matchConditions');
  const conditions = listOf(fields['matchConditions'], at.text).map((one, i) => {
    const where = at.index(i).text;
    return textOf(fieldsOf(one, where, ['expression'])['expression'], `${where}.expression`) ?? '';
  });
  const versionAt = path.child('matchConditionSubjectAccessReviewVersion');
  const version = textOf(fields['matchConditionSubjectAccessReviewVersion'], versionAt.text) ?? '';
  if (version === '' && conditions.length > 0)
    errors.push(required(versionAt, 'required if match conditions are specified'));
  if (version !== '' && version !== 'v1') errors.push(notSupported(versionAt, version, ['v1']));
  if (conditions.length > maxConditions) errors.push(tooMany(at, conditions.length, maxConditions));
  if (conditions.length === 0 || conditions.length > maxConditions) return {};
  const { compileCondition, conditionsHold } = await import('../apiserver/authz/match-conditions.ts');
  const compiled = conditions.map((expression, i) => {
    const one = compileCondition(expression);
    const expressionAt = at.index(i).child('expression');
    if (expression.trim() === '') errors.push(required(expressionAt));
    else if (conditions.indexOf(expression) < i) errors.push(duplicate(expressionAt, expression));
    else if (!one.ok) errors.push(invalid(expressionAt, expression, one.error));
    return { expression, compiled: one };
  });
  return { concerns: conditionsHold(compiled) };
}

async function webhookOf(value: unknown, name: string, path: FieldPath, errors: FieldError[]) {
  const fields = fieldsOf(value, path.child('webhook').text, webhookFields);
  const reading: Reading = { fields, path, errors };
  const timeoutMs = durationOf(reading, 'timeout', maxTimeoutMs);
  const authorizedTtlMs = durationOf(reading, 'authorizedTTL', Infinity, defaultAuthorizedMs);
  const unauthorizedTtlMs = durationOf(reading, 'unauthorizedTTL', Infinity, defaultUnauthorizedMs);
  const isKept = (field: string): boolean => flagOf(fields[field], path.child(field).text) ?? true;
  const [keepsAllowed, keepsOthers] = [isKept('cacheAuthorizedRequests'), isKept('cacheUnauthorizedRequests')];
  const version = choiceOf(reading, 'subjectAccessReviewVersion', ['v1', 'v1beta1']);
  const failurePolicy = choiceOf(reading, 'failurePolicy', ['NoOpinion', 'Deny']);
  const file = await connectionOf(reading);
  const concerns = await conditionsOf(reading);
  if (file === undefined || errors.length > 0) return undefined;
  return webhookBy(file, {
    name,
    authorizedTtlMs: keepsAllowed ? authorizedTtlMs : 0,
    unauthorizedTtlMs: keepsOthers ? unauthorizedTtlMs : 0,
    timeoutMs,
    version,
    failurePolicy,
    ...concerns,
  });
}

/** A webhook that a kubeconfig tells how to reach. Rejects with an Error that names the file. */
export async function webhookBy(
  kubeconfig: string,
  about: Omit<AuthorizationWebhook, 'type' | 'post'>,
): Promise<AuthorizationWebhook> {
  try {
    return { ...about, type: 'Webhook', post: reviewClient(await readWebhookKubeconfig(kubeconfig)) };
  } catch (error) {
    throw new Error(`${kubeconfig}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function checkName(name: string, earlier: ReadonlySet<string>, path: FieldPath): FieldError[] {
  if (name === '') return [required(path)];
  if (earlier.has(name)) return [duplicate(path, name)];
  const wrong = dns1123Subdomain(name);
  return wrong.length === 0 ? [] : [invalid(path, name, `authorizer name is invalid: ${wrong.join(', ')}`)];
}

/** Reads the text of such a file, and the kubeconfigs that it names. Rejects with an Error that names every field which is wrong. */
export async function parseAuthorizationConfig(text: string): Promise<readonly ConfiguredAuthorizer[]> {
  const root = rootOf(text, 'AuthorizationConfiguration', ['authorizers']);
  const authorizers = listOf(root['authorizers'], 'authorizers');
  const errors: FieldError[] = [];
  const path = new FieldPath('authorizers');
  if (authorizers.length === 0) errors.push(required(path, 'at least one authorization mode must be defined'));
  const configured: ConfiguredAuthorizer[] = [];
  const [seen, names] = [new Set<string>(), new Set<string>()];
  for (const [i, one] of authorizers.entries()) {
    const at = path.index(i);
    const fields = fieldsOf(one, at.text, ['type', 'name', 'webhook']);
    const type = textOf(fields['type'], at.child('type').text) ?? '';
    if (type === 'ABAC') throw new Error(`${at.text}.type: ABAC is not built into Peapod`);
    if (type === '') errors.push(required(at.child('type')));
    else if (!types.includes(type)) errors.push(notSupported(at.child('type'), type, types));
    else if (type !== 'Webhook' && seen.has(type)) errors.push(duplicate(at.child('type'), type));
    else {
      const name = textOf(fields['name'], at.child('name').text) ?? '';
      errors.push(...checkName(name, names, at.child('name')));
      names.add(name);
      if (type !== 'Webhook') {
        if (fields['webhook'] !== undefined && fields['webhook'] !== null)
          errors.push(invalid(at.child('webhook'), 'non-null', 'may only be specified when type=Webhook'));
        if (isMode(type)) configured.push(type);
      } else if (fields['webhook'] === undefined || fields['webhook'] === null)
        errors.push(required(at.child('webhook'), 'required when type=Webhook'));
      else {
        const hook = await webhookOf(fields['webhook'], name, at, errors);
        if (hook !== undefined) configured.push(hook);
      }
    }
    seen.add(type);
  }
  refuseWith(errors);
  return configured;
}

export const isMode = (type: string): type is AuthorizationMode => builtModes.includes(type);
