// The plugins of the default scheduler, in kube-scheduler's order and with its weights.

import type { AnyPlugin, Profile } from '../framework.ts';
import { defaultPreemption } from './default-preemption.ts';
import { nodeAffinity, nodeName, nodeUnschedulable, taintToleration } from './node-checks.ts';
import { nodePorts, nodeResourcesBalancedAllocation, nodeResourcesFit } from './resources.ts';
import { dynamicResources, schedulingGates } from './scheduling-gates.ts';

/** Follows apis/config/v1 default_plugins.go of v1.36, less the plugins for what is not served yet. `binder` binds at the end, `storage` are those that know of claims. */
export const defaultProfile = (
  binder: AnyPlugin,
  storage: readonly AnyPlugin[] = [],
  schedulerName = 'default-scheduler',
): Profile => ({
  schedulerName,
  plugins: [
    { plugin: schedulingGates },
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts },
    { plugin: nodeResourcesFit, weight: 1 },
    ...storage.map((plugin) => ({ plugin })),
    { plugin: dynamicResources },
    { plugin: defaultPreemption },
    { plugin: nodeResourcesBalancedAllocation, weight: 1 },
    { plugin: binder },
  ],
});
