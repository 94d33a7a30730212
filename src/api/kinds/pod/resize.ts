// The resize subresource of Pods: CPU and memory of a pod that is there may change, and nothing else of it.
// Follows podResizeStrategy in pkg/registry/core/pod/strategy.go and ValidatePodResize in pkg/apis/core/validation/validation.go of v1.36.

import type { Container, Pod, PodSpec, ResourceRequirements } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, noPath } from '../../meta/errors.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { isSidecar } from '../../pod/containers.ts';
import { computeQosClass, podQosClass } from '../../pod/qos.ts';
import type { Strategy, StrategyContext } from '../../scheme.ts';
import { assign, keepMetadata, metaOf } from '../common.ts';
import { specOf, validatePodMetaAndSpec } from './validate.ts';
import { configMirrorAnnotation } from '../../pod/static-pod.ts';

const path = new FieldPath('spec');
const lists = ['containers', 'initContainers'] as const;

const sameNames = (containers: readonly Container[], old: readonly Container[]): boolean =>
  containers.length === old.length && containers.every(({ name }, i) => name === old[i]?.name);

/** The old containers with the resources and resize policies of the new ones; the new ones where they are not the same list. */
function onlyResized(containers: readonly Container[], old: readonly Container[]): Container[] {
  if (!sameNames(containers, old)) return [...containers];
  return containers.map(({ resources, resizePolicy }, i) => {
    const container: Container = { ...(old[i] ?? { name: '' }) };
    assign(container, 'resources', resources);
    assign(container, 'resizePolicy', resizePolicy);
    return container;
  });
}

function prepareForUpdate(pod: Pod, old: Pod): void {
  const [spec, before] = [specOf(pod), specOf(old)];
  // A list of another length goes to validation as it is, which refuses it.
  if (lists.every((list) => (spec[list]?.length ?? 0) === (before[list]?.length ?? 0))) {
    const kept: PodSpec = { ...before, containers: onlyResized(spec.containers, before.containers) };
    if (before.initContainers) kept.initContainers = onlyResized(spec.initContainers ?? [], before.initContainers);
    assign(kept, 'resources', spec.resources);
    pod.spec = kept;
    assign(pod, 'status', old.status);
    keepMetadata(pod, old);
  }
  if (!equalJson(pod.spec, old.spec)) metaOf(pod).generation = (old.metadata?.generation ?? 0) + 1;
}

/** Whether the node of the pod has shown that it can resize: it reports what its running containers have. */
function nodeResizes(old: Pod): boolean {
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

type Quantities = Record<string, string> | undefined;

const lacksSome = (now: Quantities, before: Quantities): boolean =>
  Object.keys(before ?? {}).some((name) => now?.[name] === undefined);

/** The list with CPU and memory put back as they were. */
function withoutCpuAndMemory(now: Quantities, before: Quantities): Record<string, string> {
  const { cpu: _, memory: __, ...rest } = now ?? {};
  const kept = Object.entries(before ?? {}).filter(([name]) => name === 'cpu' || name === 'memory');
  return { ...rest, ...Object.fromEntries(kept) };
}

/** Resources in one form, whatever of them is empty. */
const formOf = ({ limits, requests, claims }: ResourceRequirements = {}): object => ({
  limits: limits ?? {},
  requests: requests ?? {},
  claims: claims ?? [],
});

const restored = (now: ResourceRequirements | undefined, before: ResourceRequirements | undefined) => ({
  limits: withoutCpuAndMemory(now?.limits, before?.limits),
  requests: withoutCpuAndMemory(now?.requests, before?.requests),
});

/** Whether nothing but CPU and memory differs. Containers with claims cannot be resized upstream, so that theirs count as lost. */
const differsOnlyInAmounts = (now: Container, before: Container): boolean =>
  equalJson({ ...now, resources: formOf(restored(now.resources, before.resources)) }, withForm(before));

const withForm = (container: Container): object => ({ ...container, resources: formOf(container.resources) });

function orderErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  return lists.flatMap((list) => {
    const [now, before] = [spec[list] ?? [], old[list] ?? []];
    const at = path.child(list);
    if (now.length !== before.length) return [forbiddenField(at, `${list} may not be added or removed on resize`)];
    return now.flatMap(({ name }, i) =>
      name === before[i]?.name
        ? []
        : [forbiddenField(at.index(i).child('name'), `${list} may not be renamed or reordered on resize`)],
    );
  });
}

function podLevelErrors(now: ResourceRequirements | undefined, before: ResourceRequirements | undefined): FieldError[] {
  const has = (resources: ResourceRequirements | undefined): boolean =>
    Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;
  if (!has(now) && !has(before)) return [];
  const at = path.child('resources');
  if (before !== undefined && now === undefined) return [forbiddenField(at, 'pod-level resources cannot be removed')];
  const errors: FieldError[] = [];
  if (lacksSome(now?.requests, before?.requests))
    errors.push(forbiddenField(at.child('requests'), 'pod-level resource requests cannot be removed'));
  if (lacksSome(now?.limits, before?.limits))
    errors.push(forbiddenField(at.child('limits'), 'pod-level resource limits cannot be removed'));
  const claims = now?.claims === undefined ? {} : { claims: now.claims };
  if (!equalJson(formOf({ ...restored(now, before), ...claims }), formOf(before)))
    errors.push(forbiddenField(path, 'only cpu and memory resources are mutable at pod-level'));
  return errors;
}

function removalErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (old[list] ?? []).flatMap(({ resources: before }, i) => {
      const now = spec[list]?.[i]?.resources;
      const at = path.child(list).index(i).child('resources');
      return [
        ...(lacksSome(now?.requests, before?.requests)
          ? [forbiddenField(at.child('requests'), 'resource requests cannot be removed')]
          : []),
        ...(lacksSome(now?.limits, before?.limits)
          ? [forbiddenField(at.child('limits'), 'resource limits cannot be removed')]
          : []),
      ];
    }),
  );
}

function initContainerErrors(now: Container, before: Container, at: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (!differsOnlyInAmounts(now, before))
    errors.push(forbiddenField(at, 'only cpu and memory resources for init or sidecar containers are mutable'));
  const modified = !equalJson(withForm(now), withForm(before));
  // One that runs to its end once cannot be started a second time.
  if (
    modified &&
    !isSidecar(now) &&
    now.resizePolicy?.some(({ restartPolicy }) => restartPolicy === 'RestartContainer')
  )
    errors.push(
      forbiddenField(at, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'),
    );
  return errors;
}

function changeErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  const app = spec.containers.flatMap((container, i) => {
    const before = old.containers[i];
    return before === undefined || differsOnlyInAmounts(container, before)
      ? []
      : [forbiddenField(path, 'only cpu and memory resources are mutable')];
  });
  const init = (spec.initContainers ?? []).flatMap((container, i) => {
    const before = old.initContainers?.[i];
    return before === undefined ? [] : initContainerErrors(container, before, path.child('initContainers').index(i));
  });
  return [...app, ...init];
}

/** What is wrong with a resize from `old` to `pod`, whose specs differ in nothing but resources where the strategy prepared them. */
export function validatePodResize(pod: Pod, old: Pod, { allowPrivileged }: StrategyContext): FieldError[] {
  const [spec, before] = [specOf(pod), specOf(old)];
  if (configMirrorAnnotation in (old.metadata?.annotations ?? {}))
    return [forbiddenField(noPath, 'static pods cannot be resized')];
  if (before.os?.name === 'windows') return [forbiddenField(noPath, 'windows pods cannot be resized')];
  const errors = [
    ...validateObjectMetaUpdate(metaOf(pod), metaOf(old)),
    ...validatePodMetaAndSpec(pod, { allowPrivileged }),
  ];
  if (podQosClass(old) !== computeQosClass(spec))
    errors.push(invalid(path, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  if (!nodeResizes(old)) errors.push(forbiddenField(path, 'Pod running on node without support for resize'));
  errors.push(...podLevelErrors(spec.resources, before.resources));
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length)
    errors.push(forbiddenField(path, 'pods with node allocatable resource claims cannot be resized'));
  const misplaced = orderErrors(spec, before);
  if (misplaced.length > 0) return [...errors, ...misplaced];
  return [...errors, ...removalErrors(spec, before), ...changeErrors(spec, before)];
}

const resizable = ['resources', 'resizePolicy'];

export const podResizeStrategy: Strategy<Pod> = {
  onlyFields: [...lists.flatMap((list) => resizable.map((field) => ['spec', list, '*', field])), ['spec', 'resources']],
  validateCreate: () => [],
  prepareForUpdate,
  validateUpdate: validatePodResize,
};
