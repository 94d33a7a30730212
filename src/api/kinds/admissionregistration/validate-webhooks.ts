// Checks of webhook configurations. Follows pkg/apis/admissionregistration/validation/validation.go of v1.36.

import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { duplicate, type FieldError, FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { dns1035Label, dns1123Subdomain } from '../../meta/names.ts';
import { validateLabelSelector } from '../../meta/validate-meta.ts';
import { validateClientConfig } from './client-config.ts';
import { validateMatchConditions, validateRule } from './validate-rules.ts';

export type WebhookConfiguration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;
type Webhook = MutatingWebhook | ValidatingWebhook;

const reviewVersions = ['v1', 'v1beta1'];
const failurePolicies = ['Fail', 'Ignore'];
const matchPolicies = ['Equivalent', 'Exact'];
const reinvocationPolicies = ['IfNeeded', 'Never'];
const harmless = ['None', 'NoneOnDryRun'];
const anySideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];

/** What an update leaves as it was, though it would be refused in a new object. */
interface Leniency {
  sideEffects: boolean;
  reviewVersions: boolean;
  duplicateNames: boolean;
  selectors: boolean;
  matchConditions: boolean;
}
const strict: Leniency = {
  sideEffects: false,
  reviewVersions: false,
  duplicateNames: false,
  selectors: false,
  matchConditions: false,
};

function nameErrors(at: FieldPath, name = ''): FieldError[] {
  if (name === '') return [required(at)];
  const wrong = dns1123Subdomain(name);
  if (wrong.length > 0) return [invalid(at, name, wrong.join(','))];
  if (name.split('.').length >= 3) return [];
  return [invalid(at, name, 'should be a domain with at least three segments separated by dots')];
}

function reviewVersionErrors(at: FieldPath, versions: readonly string[], lenient: boolean): FieldError[] {
  if (versions.length === 0) return [required(at, `must specify one of ${reviewVersions.join(', ')}`)];
  const errors = versions.flatMap((version, i) =>
    versions.indexOf(version) < i
      ? [invalid(at.index(i), version, 'duplicate version')]
      : dns1035Label(version).map((why) => invalid(at.index(i), version, why)),
  );
  if (lenient || versions.some((version) => reviewVersions.includes(version))) return errors;
  return [...errors, invalid(at, versions, `must include at least one of ${reviewVersions.join(', ')}`)];
}

const among = (at: FieldPath, value: string | undefined, allowed: readonly string[]): FieldError[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(at, value, allowed)];

function sideEffectErrors(at: FieldPath, value: string | undefined, lenient: boolean): FieldError[] {
  const allowed = lenient ? anySideEffects : harmless;
  if (value === undefined) return [required(at, `must specify one of ${allowed.join(', ')}`)];
  return among(at, value, allowed);
}

/** What is wrong with an expression in a match condition. */
export type ExpressionCheck = (at: FieldPath, expression: string) => FieldError[];

function webhookErrors(at: FieldPath, hook: Webhook, lenient: Leniency, check: ExpressionCheck): FieldError[] {
  const { timeoutSeconds, namespaceSelector, objectSelector } = hook;
  const errors = [
    ...nameErrors(at.child('name'), hook.name),
    ...(hook.rules ?? []).flatMap((rule, i) => validateRule(at.child('rules').index(i), rule)),
    ...among(at.child('failurePolicy'), hook.failurePolicy, failurePolicies),
    ...among(at.child('matchPolicy'), hook.matchPolicy, matchPolicies),
    ...sideEffectErrors(at.child('sideEffects'), hook.sideEffects, lenient.sideEffects),
  ];
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    const why = 'the timeout value must be between 1 and 30 seconds';
    errors.push(invalid(at.child('timeoutSeconds'), timeoutSeconds, why));
  }
  if (!lenient.selectors)
    errors.push(
      ...validateLabelSelector(at.child('namespaceSelector'), namespaceSelector),
      ...validateLabelSelector(at.child('objectSelector'), objectSelector),
    );
  if ('reinvocationPolicy' in hook)
    errors.push(...among(at.child('reinvocationPolicy'), hook.reinvocationPolicy, reinvocationPolicies));
  errors.push(...validateClientConfig(at.child('clientConfig'), hook.clientConfig));
  if (!lenient.matchConditions)
    errors.push(...validateMatchConditions(at.child('matchConditions'), hook.matchConditions, check));
  const versions = hook.admissionReviewVersions ?? [];
  return [...errors, ...reviewVersionErrors(at.child('admissionReviewVersions'), versions, lenient.reviewVersions)];
}

function configurationErrors(object: WebhookConfiguration, lenient: Leniency, check: ExpressionCheck): FieldError[] {
  const names = new Set<string>();
  return (object.webhooks ?? []).flatMap((hook, i) => {
    const at = new FieldPath('webhooks').index(i);
    const errors = webhookErrors(at, hook, lenient, check);
    if (!lenient.duplicateNames && names.has(hook.name)) errors.push(duplicate(at.child('name'), hook.name));
    if (hook.name) names.add(hook.name);
    return errors;
  });
}

/** Checks a new configuration, metadata left out. */
export const validateWebhooks = (object: WebhookConfiguration, check: ExpressionCheck): FieldError[] =>
  configurationErrors(object, strict, check);

/** Checks a changed one: what was wrong before may stay so. */
export function validateWebhooksUpdate(
  object: WebhookConfiguration,
  old: WebhookConfiguration,
  check: ExpressionCheck,
): FieldError[] {
  const before: readonly Webhook[] = old.webhooks ?? [];
  const hooks: readonly Webhook[] = object.webhooks ?? [];
  const conditions = (list: readonly Webhook[]): unknown => list.map(({ matchConditions }) => matchConditions ?? null);
  const lenient: Leniency = {
    sideEffects: before.some(({ sideEffects }) => !harmless.includes(sideEffects)),
    reviewVersions: before.some(
      ({ admissionReviewVersions: versions }) =>
        versions.length > 0 && !versions.some((version) => reviewVersions.includes(version)),
    ),
    duplicateNames: new Set(before.map(({ name }) => name)).size < before.length,
    selectors: before.some(
      ({ namespaceSelector, objectSelector }) =>
        validateLabelSelector(new FieldPath(), namespaceSelector).length > 0 ||
        validateLabelSelector(new FieldPath(), objectSelector).length > 0,
    ),
    matchConditions: equalJson(conditions(before), conditions(hooks)),
  };
  return configurationErrors(object, lenient, check);
}
