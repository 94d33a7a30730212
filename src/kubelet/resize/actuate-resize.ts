// Carries out a planned resize on the runtime and the cgroups, and writes down how far it came.
// Follows doPodResizeAction and updatePodContainerResources in pkg/kubelet/kuberuntime/kuberuntime_manager.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { LinuxResources } from '../../cri/runtime.ts';
import { errorText, type KubeletParts } from '../pod-context.ts';
import { actuationOf, type ContainerActuation } from './allocation.ts';
import type { ContainerChange, MemoryCheck, Resource, ResizePlan } from './plan-resize.ts';

/** What is told to the runtime of one resource. */
function partOf(resources: LinuxResources, resource: Resource): LinuxResources {
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes, memorySwapLimitBytes } = resources;
  const part = resource === 'cpu' ? { cpuShares, cpuQuota, cpuPeriod } : { memoryLimitBytes, memorySwapLimitBytes };
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
}

/** `before` with one resource as `after` has it. */
function withResource(before: ContainerActuation, after: ContainerActuation, resource: Resource): ContainerActuation {
  const list = (name: 'limits' | 'requests'): Record<string, string> => {
    const { [resource]: _, ...kept } = before.resources[name] ?? {};
    const value = after.resources[name]?.[resource];
    return value === undefined ? kept : { ...kept, [resource]: value };
  };
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = after.amounts;
  return {
    resources: { ...before.resources, limits: list('limits'), requests: list('requests') },
    amounts: {
      ...before.amounts,
      ...(resource === 'cpu' ? { cpuRequest, cpuLimit } : { memoryRequest, memoryLimit }),
    },
  };
}

async function overLimit(parts: KubeletParts, pod: Pod, { container, limit }: MemoryCheck): Promise<string[]> {
  const usage = await parts.cgroups.memoryUsage(pod, container?.id);
  if (usage === undefined || usage < limit) return [];
  const whose = container === undefined ? 'pod' : `container ${goQuote(container.name)}`;
  return [`attempting to set ${whose} memory limit (${limit}) below current usage (${usage})`];
}

/** Tells the runtime of one resource of a running container. */
async function update(
  parts: KubeletParts,
  pod: Pod,
  { id, container }: ContainerChange,
  resource: Resource,
): Promise<void> {
  await parts.runtime.updateContainerResources(id, partOf(parts.containerConfig.resources(pod, container), resource));
  const before = parts.resizes.view(pod).actuated(container.name);
  // Where it was not known what the container had, it is known only once all of it was told.
  if (before === undefined) return;
  parts.resizes.actuated(pod, container, withResource(before, actuationOf(pod, container), resource));
}

async function carryOut(parts: KubeletParts, pod: Pod, plan: ResizePlan): Promise<void> {
  // What was given must outlive this process before any of it is real.
  await parts.resizes.saved();
  const over = (await Promise.all(plan.checks.map((check) => overLimit(parts, pod, check)))).flat();
  if (over.length > 0) throw new Error(over.length === 1 ? over[0] : `[${over.join(', ')}]`);
  for (const step of plan.steps) {
    switch (step.type) {
      case 'limit-pod':
        await parts.cgroups.limit(pod, step.limits);
        break;
      case 'update-container':
        await update(parts, pod, step.change, step.resource);
        break;
      default:
        step satisfies never;
    }
  }
  for (const { container } of plan.records) parts.resizes.actuated(pod, container);
}

/** Carries it out as far as it goes. `pod` is as it was given its resources. True when all of it was done. */
export async function actuateResize(parts: KubeletParts, pod: Pod, plan: ResizePlan): Promise<boolean> {
  try {
    await carryOut(parts, pod, plan);
    parts.resizes.attempted(pod);
    return true;
  } catch (error) {
    parts.resizes.attempted(pod, errorText(error));
    return false;
  }
}
