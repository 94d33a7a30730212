// The kinds MutatingWebhookConfiguration and ValidatingWebhookConfiguration.
// Follows pkg/registry/admissionregistration/{mutating,validating}webhookconfiguration and its defaults of v1.36.

import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { reservedNameWarnings } from './reserved-names.ts';
import type { KindDefinition, Strategy, TableColumn } from '../../scheme.ts';
import { ageColumn, allVerbs, metaOf, nameColumn } from '../common.ts';
import { matchExpressionErrors } from './validate-policies.ts';
import {
  type ExpressionCheck,
  validateWebhooks,
  validateWebhooksUpdate,
  type WebhookConfiguration,
} from './validate-webhooks.ts';

function setWebhookDefaults(hook: MutatingWebhook | ValidatingWebhook): void {
  hook.failurePolicy ??= 'Fail';
  hook.matchPolicy ??= 'Equivalent';
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= 10;
  for (const rule of hook.rules ?? []) rule.scope ??= '*';
  if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443;
}

const webhooksColumn: TableColumn<WebhookConfiguration> = {
  name: 'Webhooks',
  type: 'integer',
  description: 'How many webhooks the configuration names.',
  priority: 0,
  cell: ({ webhooks }) => webhooks?.length ?? 0,
};

const strategyWith = (check: ExpressionCheck): Strategy<WebhookConfiguration> => ({
  validateCreate: (object) => [
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...validateWebhooks(object, check),
  ],
  prepareForUpdate(object, old) {
    if (!equalJson(object.webhooks ?? [], old.webhooks ?? []))
      metaOf(object).generation = (old.metadata?.generation ?? 0) + 1;
  },
  validateUpdate: (object, old) => [
    ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...validateWebhooksUpdate(object, old, check),
  ],
  warnings: (object) => reservedNameWarnings(metaOf(object).name),
  allowUnconditionalUpdate: false,
});

const shared = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  shortNames: [],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: allVerbs,
  hasGeneration: true,
} as const;

export const mutatingWebhookConfigurationKind: KindDefinition<MutatingWebhookConfiguration> = {
  ...shared,
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  singular: 'mutatingwebhookconfiguration',
  definition: 'io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration',
  defaults({ webhooks }) {
    for (const hook of webhooks ?? []) {
      setWebhookDefaults(hook);
      hook.reinvocationPolicy ??= 'Never';
    }
  },
  strategy: strategyWith(matchExpressionErrors),
  columns: [nameColumn, webhooksColumn, ageColumn],
};

export const validatingWebhookConfigurationKind: KindDefinition<ValidatingWebhookConfiguration> = {
  ...shared,
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
  singular: 'validatingwebhookconfiguration',
  definition: 'io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration',
  defaults({ webhooks }) {
    for (const hook of webhooks ?? []) setWebhookDefaults(hook);
  },
  strategy: strategyWith(matchExpressionErrors),
  columns: [nameColumn, webhooksColumn, ageColumn],
};
