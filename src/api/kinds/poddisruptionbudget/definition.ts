// The PodDisruptionBudget kind: how many pods of a set may be evicted at a time.
// Follows pkg/registry/policy/poddisruptionbudget and pkg/apis/policy of v1.36.

import type { PodDisruptionBudget } from '../../generated/types.ts';
import { pathSegmentName } from '../../meta/names.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  countSpecChange,
  integerColumn,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';
import { validateBudget, validateBudgetStatus, validateBudgetUpdate } from './validate.ts';

/** By this label v1 budgets once stood for v1beta1's, whose empty selector meant something else. */
const betaLabel = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';

/** Takes that label out of selectors, where it is not alone and means "none". */
function stripBetaLabel({ spec }: PodDisruptionBudget): void {
  const selector = spec?.selector;
  const expressions = selector?.matchExpressions ?? [];
  if (!selector || !expressions.some(({ key }) => key === betaLabel)) return;
  const [first, ...more] = expressions;
  const isLone = more.length === 0 && Object.keys(selector.matchLabels ?? {}).length === 0;
  if (isLone && first?.operator === 'Exists' && !first.values?.length) return;
  const kept = expressions.filter(({ key }) => key !== betaLabel);
  assign(selector, 'matchExpressions', kept.length === 0 ? undefined : kept);
}

const strategy: Strategy<PodDisruptionBudget> = {
  resetFields: [['status']],
  allowUnconditionalUpdate: false,
  prepareForCreate(budget) {
    budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  validateCreate: validateBudget,
  prepareForUpdate(budget, old) {
    assign(budget, 'status', old.status);
    countSpecChange(budget, old);
  },
  validateUpdate: validateBudgetUpdate,
};

/** Also written by the API server, when it lets a pod be evicted. */
const statusStrategy: Strategy<PodDisruptionBudget> = {
  resetFields: [['spec']],
  allowUnconditionalUpdate: false,
  validateCreate: () => [],
  prepareForUpdate(budget, old) {
    assign(budget, 'spec', old.spec);
  },
  validateUpdate: validateBudgetStatus,
};

const amount = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value));

export const podDisruptionBudgetKind: KindDefinition<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  resource: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  hasGeneration: true,
  validateName: pathSegmentName,
  defaults: stripBetaLabel,
  strategy,
  columns: [
    nameColumn,
    textColumn<PodDisruptionBudget>('Min Available', 'How many pods must stay available.', ({ spec }) =>
      amount(spec?.minAvailable),
    ),
    textColumn<PodDisruptionBudget>('Max Unavailable', 'How many pods may be unavailable.', ({ spec }) =>
      amount(spec?.maxUnavailable),
    ),
    integerColumn<PodDisruptionBudget>(
      'Allowed Disruptions',
      'How many pods may be evicted now.',
      ({ status }) => status?.disruptionsAllowed ?? 0,
    ),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
