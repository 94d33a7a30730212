// Validation of changes to a Pod: almost all of its spec is fixed. Follows ValidatePodUpdate in
// pkg/apis/core/validation/validation.go of v1.36.

import type {
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import { rangeMessage } from '../../meta/names.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { cloneAsGiven } from '../../schema/given-empty.ts';
import { assign, metaOf } from '../common.ts';
import { internalForm, podSpecText } from '../internal-form.ts';
import { unifiedDiff } from './unified-diff.ts';
import { defaultPodOptions, specOf, validatePodMetaAndSpec } from './validate.ts';
import { validateAnnotationUpdates } from './validation/annotations.ts';
import { validateTolerations } from './validation/scheduling.ts';

const path = new FieldPath('spec');

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

function imageErrors(at: FieldPath, containers: readonly Container[]): FieldError[] {
  return containers.flatMap(({ image = '' }, i) => {
    const imagePath = at.index(i).child('image');
    if (image === '') return [required(imagePath)];
    return image.trim() === image ? [] : [invalid(imagePath, image, 'must not have leading or trailing whitespace')];
  });
}

/** From none to some seconds, or to fewer. `stop` ends the whole check, as upstream's does. */
function deadlineErrors(
  deadline: number | undefined,
  old: number | undefined,
): { errors: FieldError[]; stop: boolean } {
  const at = path.child('activeDeadlineSeconds');
  if (deadline === undefined) {
    const errors = old === undefined ? [] : [invalid(at, null, 'must not update from a positive integer to nil value')];
    return { errors, stop: false };
  }
  if (deadline < 0 || deadline > 2_147_483_647) {
    return { errors: [invalid(at, deadline, rangeMessage(0, 2_147_483_647))], stop: true };
  }
  if (old !== undefined && old < deadline) {
    return { errors: [invalid(at, deadline, 'must be less than or equal to previous value')], stop: true };
  }
  return { errors: [], stop: false };
}

function tolerationErrors(tolerations: readonly Toleration[], old: readonly Toleration[]): FieldError[] {
  const at = path.child('tolerations');
  const withoutSeconds = (one: Toleration): Toleration => {
    const rest = { ...one };
    delete rest.tolerationSeconds;
    return rest;
  };
  const kept = (one: Toleration): boolean =>
    tolerations.some((other) => equalJson(withoutSeconds(other), withoutSeconds(one)));
  if (old.every(kept)) return validateTolerations(at, tolerations);
  return [forbiddenField(at, 'existing toleration can not be modified except its tolerationSeconds')];
}

function gateErrors(gates: readonly PodSchedulingGate[], old: readonly PodSchedulingGate[]): FieldError[] {
  return gates.flatMap(({ name }, i) => {
    if (old.some((gate) => gate.name === name)) return [];
    const at = path.child('schedulingGates').index(i).child('name');
    return [forbiddenField(at, `only deletion is allowed, but found new scheduling gate '${name}'`)];
  });
}

function nodeSelectorErrors(selector: Record<string, string>, old: Record<string, string>): FieldError[] {
  const kept = Object.entries(old).every(([key, value]) => selector[key] === value);
  return kept
    ? []
    : [invalid(path.child('nodeSelector'), selector, 'only additions are allowed (no mutations or deletions)')];
}

const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';

function onlyAdds(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  const empty = lists.every((list) => !old[list]?.length);
  if (empty) return lists.every((list) => !term[list]?.length);
  return lists.every((list) => equalJson((term[list] ?? []).slice(0, old[list]?.length ?? 0), old[list]));
}

function nodeAffinityErrors(affinity: NodeAffinity | undefined, old: NodeAffinity | undefined): FieldError[] {
  const before = old?.[requiredTerms]?.nodeSelectorTerms;
  if (!before) return [];
  const at = path.child('affinity', 'nodeAffinity', requiredTerms, 'nodeSelectorTerms');
  const terms = affinity?.[requiredTerms]?.nodeSelectorTerms ?? [];
  if (before.length > 0 && terms.length !== before.length) {
    return [
      invalid(
        at,
        terms.map((term) => internalForm('NodeSelectorTerm', term)),
        'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
      ),
    ];
  }
  return before.flatMap((term, i) => {
    const now = terms[i] ?? {};
    if (onlyAdds(now, term)) return [];
    return [
      invalid(
        at.index(i),
        internalForm('NodeSelectorTerm', now),
        'only additions are allowed (no mutations or deletions)',
      ),
    ];
  });
}

/** The new spec with everything that may change put back as it was; what then still differs may not change. */
function withoutAllowedChanges(spec: PodSpec, old: PodSpec): PodSpec {
  const restored = cloneAsGiven(spec);
  const restoreImages = (containers: Container[] | undefined, before: Container[] | undefined): void =>
    containers?.forEach((container, i) => {
      assign(container, 'image', before?.[i]?.image);
    });
  restoreImages(restored.containers, old.containers);
  restoreImages(restored.initContainers, old.initContainers);
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const)
    assign(restored, field, old[field]);
  const grace = old.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0 && restored.terminationGracePeriodSeconds === 1) {
    restored.terminationGracePeriodSeconds = grace;
  }
  return restored;
}

/** While gates hold a pod back its node selector and node affinity may still be narrowed. */
function gatedErrors(restored: PodSpec, old: PodSpec): FieldError[] {
  if (!old.schedulingGates?.length) return [];
  const errors: FieldError[] = [];
  if (!equalJson(restored.nodeSelector, old.nodeSelector)) {
    errors.push(...nodeSelectorErrors(restored.nodeSelector ?? {}, old.nodeSelector ?? {}));
    assign(restored, 'nodeSelector', old.nodeSelector);
  }
  const before = old.affinity?.nodeAffinity;
  if (!equalJson(restored.affinity?.nodeAffinity, before)) {
    errors.push(...nodeAffinityErrors(restored.affinity?.nodeAffinity, before));
    const affinity = { ...restored.affinity };
    assign(affinity, 'nodeAffinity', before);
    assign(restored, 'affinity', Object.keys(affinity).length ? affinity : undefined);
  }
  return errors;
}

export function validatePodUpdate(pod: Pod, old: Pod, options = defaultPodOptions): FieldError[] {
  const [spec, oldSpec] = [specOf(pod), specOf(old)];
  const errors = [
    ...validateObjectMetaUpdate(metaOf(pod), metaOf(old)),
    ...validatePodMetaAndSpec(pod, options),
    ...validateAnnotationUpdates(pod, old),
  ];
  // The same spec, and valid: there is nothing to compare.
  if (spec === oldSpec && errors.length === 0) return errors;
  for (const field of ['containers', 'initContainers'] as const) {
    const [containers, before] = [spec[field] ?? [], oldSpec[field] ?? []];
    if (containers.length !== before.length) {
      return [...errors, forbiddenField(path.child(field), 'pod updates may not add or remove containers')];
    }
    errors.push(...imageErrors(path.child(field), containers));
  }
  const deadline = deadlineErrors(spec.activeDeadlineSeconds, oldSpec.activeDeadlineSeconds);
  errors.push(...deadline.errors);
  if (deadline.stop) return errors;
  errors.push(
    ...tolerationErrors(spec.tolerations ?? [], oldSpec.tolerations ?? []),
    ...gateErrors(spec.schedulingGates ?? [], oldSpec.schedulingGates ?? []),
  );
  if (equalJson(spec, oldSpec)) return errors;
  const restored = withoutAllowedChanges(spec, oldSpec);
  errors.push(...gatedErrors(restored, oldSpec));
  if (!equalJson(restored, oldSpec)) {
    const difference = unifiedDiff(podSpecText(oldSpec), podSpecText(restored));
    errors.push(forbiddenField(path, `pod updates may not change fields other than ${updatable}\n${difference}`));
  }
  return errors;
}
