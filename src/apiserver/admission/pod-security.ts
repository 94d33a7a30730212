// Holds pods to the Pod Security Standards that their namespace's labels name.
// Follows k8s.io/pod-security-admission/admission/admission.go of v1.36.

import type { Namespace, Pod } from '../../api/generated/types.ts';
import { internalError, invalidObject } from '../../api/meta/errors.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { visitContainers } from '../../api/pod/containers.ts';
import { evaluatePod, findingsText } from '../../api/pod-security/evaluate.ts';
import {
  isStricter,
  type LevelVersion,
  levelText,
  modes,
  type Policy,
  policyOf,
  sameLevel,
} from '../../api/pod-security/policy.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource, isWriteOf, refuse } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };
const pods: LookupKind<Pod> = { group: '', resource: 'pods' };

/** Of a namespace whose policy changes, so many pods are looked at. */
const mostPods = 3_000;

const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** What of a pod can change and matters here: its containers, their images, and old seccomp annotations. */
function significantParts({ metadata, spec }: Pod): unknown {
  const annotations = metadata?.annotations ?? {};
  return [
    annotations[podAnnotation] ?? '',
    ...[...visitContainers(spec ?? { containers: [] })].map(({ container: { name, image = '' } }) => [
      name,
      image,
      annotations[containerAnnotation + name] ?? '',
    ]),
  ];
}

/** The old seccomp annotations of a pod, as they come. */
const seccompAnnotations = ({ metadata }: Pod): unknown =>
  Object.entries(metadata?.annotations ?? {}).filter(
    ([key]) => key === podAnnotation || key.startsWith(containerAnnotation),
  );

/** Whether nothing changes that matters here. A spec may be shared with the old pod: that is seen at once. */
const isInsignificant = (pod: Pod, old: Pod): boolean =>
  (pod.spec === old.spec && equalJson(seccompAnnotations(pod), seccompAnnotations(old))) ||
  equalJson(significantParts(pod), significantParts(old));

export interface PodSecurityDeps {
  objects: ObjectLookup;
  /** What the audit mode finds is told here. */
  logger: Logger;
}

const policies = new WeakMap<Namespace, Policy>();

/** What a namespace that is stored asks of its pods. */
function policyOfNamespace(namespace: Namespace): Policy {
  let policy = policies.get(namespace);
  if (policy === undefined) policies.set(namespace, (policy = policyOf(namespace.metadata?.labels).policy));
  return policy;
}

function checkPod({ objects, logger }: PodSecurityDeps, at: AdmissionAttributes): Soon<void> {
  const pod = at.object as Pod;
  if (at.operation === 'UPDATE' && isInsignificant(pod, at.old as Pod)) return;
  return whenThere(objects.get(namespaces, '', at.namespace), (namespace) => {
    if (!namespace) throw internalError(`failed to lookup namespace ${at.namespace}`);
    holdTo(policyOfNamespace(namespace), pod, at, logger);
  });
}

/** Refuses the pod, warns of it, or tells of it, as the policy's modes are. */
function holdTo(policy: Policy, pod: Pod, at: AdmissionAttributes, logger: Logger): void {
  if (modes.every((mode) => policy[mode].level === 'privileged')) return;
  const would = (level: LevelVersion): string | undefined => {
    const findings = evaluatePod(pod, level);
    return findings.length === 0
      ? undefined
      : `would violate PodSecurity "${levelText(level)}": ${findingsText(findings)}`;
  };
  const audited = would(policy.audit);
  if (audited !== undefined)
    logger.info(`audit: ${audited}`, { namespace: at.namespace, pod: at.name, user: at.user.name });
  const found = evaluatePod(pod, policy.enforce);
  if (found.length > 0) throw refuse(at, `violates PodSecurity "${levelText(policy.enforce)}": ${findingsText(found)}`);
  const warning = would(policy.warn);
  if (warning !== undefined) at.warnings.push(warning);
}

/** One warning for each set of reasons, by the first pod that it is true of. */
function podWarnings(existing: readonly Pod[], namespace: string, level: LevelVersion): string[] {
  const checked = existing.slice(0, mostPods);
  const byReasons = new Map<string, string[]>();
  for (const pod of checked) {
    const reasons = evaluatePod(pod, level)
      .map(({ reason }) => reason)
      .join(', ');
    if (reasons !== '') byReasons.set(reasons, [...(byReasons.get(reasons) ?? []), pod.metadata?.name ?? '']);
  }
  const warnings: string[] = [];
  if (checked.length < existing.length) {
    const counts = `the first ${checked.length} of ${existing.length} existing pods`;
    warnings.push(`new PodSecurity enforce level only checked against ${counts}`);
  }
  if (byReasons.size > 0) {
    const where = `existing pods in namespace ${JSON.stringify(namespace)}`;
    warnings.push(`${where} violate the new PodSecurity enforce level "${levelText(level)}"`);
  }
  const told = [...byReasons].map(([reasons, names]) => {
    const others = names.length - 1;
    const more = others === 0 ? '' : ` (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
    return `${names.toSorted()[0] ?? ''}${more}: ${reasons}`;
  });
  return [...warnings, ...told.toSorted()];
}

async function checkNamespace({ objects }: PodSecurityDeps, at: AdmissionAttributes): Promise<void> {
  const namespace = at.object as Namespace;
  const { policy, errors } = policyOf(namespace.metadata?.labels);
  const old = at.operation === 'UPDATE' ? policyOf(at.old?.metadata.labels) : undefined;
  // Bad labels that were there before may stay.
  if (errors.length > 0 && !equalJson(errors, old?.errors)) throw invalidObject(at.resource.kind, at.name, errors);
  if (!old) return;
  const [now, before] = [policy.enforce, old.policy.enforce];
  const relaxed = now.minor === before.minor && !isStricter(now.level, before.level);
  if (sameLevel(now, before) || now.level === 'privileged' || relaxed) return;
  const name = namespace.metadata?.name ?? '';
  at.warnings.push(...podWarnings(await objects.list(pods, name), name, now));
}

export function podSecurity(deps: PodSecurityDeps): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    concerns: (at) => isResource(at, '', 'pods') || isResource(at, '', 'namespaces'),
    validate(at) {
      const writes = at.operation === 'CREATE' || at.operation === 'UPDATE';
      if (writes && isResource(at, '', 'pods') && !ignoredSubresources.has(at.subresource)) return checkPod(deps, at);
      return isWriteOf(at, '', 'namespaces') ? checkNamespace(deps, at) : undefined;
    },
  };
}
