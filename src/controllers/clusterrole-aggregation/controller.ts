// Gathers the rules of cluster roles into those that aggregate them by label: admin, edit, view and users' own.

import type { ClusterRole, PolicyRule } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { matchesLabels, selectorOf } from '../../api/meta/label-selector.ts';
import { clusterRoles } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';

/**
 * The rules that an aggregating role should have, each once, in the order of selectors and names; undefined when it has them.
 * Follows pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go of v1.36.
 */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const rules = new Map<string, PolicyRule>();
  for (const selector of selectors) {
    const parsed = selectorOf(selector);
    const chosen = all
      .filter((one) => one.metadata?.name !== role.metadata?.name)
      .filter((one) => matchesLabels(parsed, one.metadata?.labels ?? {}))
      .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
    for (const rule of chosen.flatMap((one) => one.rules ?? [])) rules.set(JSON.stringify(rule), rule);
  }
  const current = (role.rules ?? []).map((rule) => JSON.stringify(rule));
  const same = current.length === rules.size && current.every((rule) => rules.has(rule));
  return same ? undefined : [...rules.values()];
}

export const clusterRoleAggregationController: Controller = ({ client, clock, logger, metrics, informers }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ClusterRoleAggregator' });
  const { clusterRoles: known } = informers;
  // A change of any role may concern each role that aggregates; those are few.
  const changed = (): void => {
    for (const role of known.list()) if (role.aggregationRule !== undefined) queue.add(role.metadata?.name ?? '');
  };
  known.addHandler({ onAdd: changed, onUpdate: changed, onDelete: changed });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const role = known.get(name);
      if (role === undefined) return;
      const rules = aggregatedRules(role, known.list());
      if (rules === undefined) return;
      try {
        await client.update(clusterRoles, { ...role, rules }, { signal });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
};
