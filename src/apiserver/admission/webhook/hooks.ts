// The webhooks of all configurations, in the order they are asked.
// Follows apiserver pkg/admission/configuration/mutating_webhook_manager.go of v1.36.

import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../../api/generated/types.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';

const group = 'admissionregistration.k8s.io';
const mutating: LookupKind<MutatingWebhookConfiguration> = { group, resource: 'mutatingwebhookconfigurations' };
const validating: LookupKind<ValidatingWebhookConfiguration> = { group, resource: 'validatingwebhookconfigurations' };

/** One webhook and where it stands. */
export interface Hook {
  readonly webhook: MutatingWebhook & ValidatingWebhook;
  readonly configuration: string;
  /** Names it among all: a name may occur twice in old configurations. */
  readonly id: string;
}

type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

/** Those of each configuration, made once for as long as it stays as it is. */
const made = new WeakMap<Configuration, readonly Hook[]>();

function hooksOf(object: Configuration): readonly Hook[] {
  const known = made.get(object);
  if (known !== undefined) return known;
  const configuration = object.metadata?.name ?? '';
  const seen = new Map<string, number>();
  const hooks = (object.webhooks ?? []).map((webhook) => {
    const count = seen.get(webhook.name) ?? 0;
    seen.set(webhook.name, count + 1);
    return { webhook: webhook as Hook['webhook'], configuration, id: `${configuration}/${webhook.name}/${count}` };
  });
  made.set(object, hooks);
  return hooks;
}

/** Whether there are none, and that is known without waiting. */
export const hasNoHooks = (objects: ObjectLookup, type: 'mutating' | 'validating'): boolean =>
  objects.hasNone(type === 'mutating' ? mutating : validating);

/** All of them now: by the names of their configurations, and as they stand in each. */
export async function listHooks(objects: ObjectLookup, type: 'mutating' | 'validating'): Promise<readonly Hook[]> {
  const found: Configuration[] = await (type === 'mutating'
    ? objects.list(mutating, '')
    : objects.list(validating, ''));
  return found.flatMap(hooksOf);
}
