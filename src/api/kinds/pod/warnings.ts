// Warnings that creating a Pod gives. Follows pkg/api/pod/warnings.go of v1.36, and adds what Peapod does not act on yet.

import type { ContainerPort, EnvVar, NodeSelectorTerm, Pod, PodAffinityTerm, PodSpec } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';
import { dns1123Label } from '../../meta/names.ts';
import { formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import { deprecatedLabel } from '../../placement/deprecated-labels.ts';
import { visitContainers } from '../../pod/containers.ts';
import { notActedOnWarnings } from './not-acted-on.ts';

const metadata = new FieldPath('metadata');
const path = new FieldPath('spec');
const annotationsPath = metadata.child('annotations');

const oldAnnotations: Record<string, string> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

const oldVolumes = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
} as const;

/** Warns of labels of nodes that have other names now. */
export function termWarnings(at: FieldPath, term: NodeSelectorTerm): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key }, i) => {
    const removed = deprecatedLabel(key);
    return removed ? [`${at.child('matchExpressions').index(i).child('key').text}: ${key} is ${removed}`] : [];
  });
}

function placementWarnings(spec: PodSpec): string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const removed = deprecatedLabel(key);
    if (removed) warnings.push(`${path.child('nodeSelector').key(key).text}: ${removed}`);
  }
  const { nodeAffinity } = spec.affinity ?? {};
  const at = path.child('affinity', 'nodeAffinity');
  nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.forEach((term, i) => {
    const list = at.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
    warnings.push(...termWarnings(list.index(i), term));
  });
  nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ preference }, i) => {
    const list = at.child('preferredDuringSchedulingIgnoredDuringExecution');
    warnings.push(...termWarnings(list.index(i).child('preference'), preference));
  });
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const one = path.child('topologySpreadConstraints').index(i);
    const removed = deprecatedLabel(topologyKey);
    if (removed) warnings.push(`${one.child('topologyKey').text}: ${topologyKey} is ${removed}`);
    if (!labelSelector)
      warnings.push(`${one.child('labelSelector').text}: a null labelSelector results in matching no pod`);
  });
  return warnings;
}

function affinityWarnings(spec: PodSpec): string[] {
  const missing = (at: FieldPath, term: PodAffinityTerm): string[] =>
    term.labelSelector ? [] : [`${at.child('labelSelector').text}: a null labelSelector results in matching no pod`];
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((side) => {
    const at = path.child('affinity', side);
    const rules = spec.affinity?.[side];
    const [must, may] = [
      'requiredDuringSchedulingIgnoredDuringExecution',
      'preferredDuringSchedulingIgnoredDuringExecution',
    ] as const;
    return [
      ...(rules?.[must] ?? []).flatMap((term, i) => missing(at.child(must).index(i), term)),
      ...(rules?.[may] ?? []).flatMap((term, i) =>
        missing(at.child(may).index(i).child('podAffinityTerm'), term.podAffinityTerm),
      ),
    ];
  });
}

function volumeWarnings(spec: PodSpec): string[] {
  const warnings: string[] = [];
  const tokenPaths = new Set<string>();
  for (const { projected } of spec.volumes ?? []) {
    for (const { serviceAccountToken } of projected?.sources ?? []) {
      if (serviceAccountToken) tokenPaths.add(serviceAccountToken.path);
    }
  }
  spec.volumes?.forEach((volume, i) => {
    const at = path.child('volumes').index(i);
    for (const [field, text] of Object.entries(oldVolumes)) {
      if (Object.entries(volume).some(([key, value]) => key === field && value)) {
        warnings.push(`${at.child(field === 'storageos' ? 'storageOS' : field).text}: ${text}`);
      }
    }
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec?.resources;
    const claimPath = at.child('ephemeral', 'volumeClaimTemplate', 'spec', 'resources');
    for (const list of ['requests', 'limits'] as const)
      warnings.push(...fractionWarnings(claimPath.child(list), claim?.[list], ['storage']));
    for (const source of volume.projected?.sources ?? []) {
      if (Object.keys(source).length === 0)
        warnings.push(`volume ${goQuote(volume.name)} (Projected) has no sources provided`);
      const lists = {
        configMap: source.configMap?.items,
        secrets: source.secret?.items,
        downwardAPI: source.downwardAPI?.items,
      };
      for (const [name, items] of Object.entries(lists)) {
        items?.forEach((item, j) => {
          if (!tokenPaths.has(item.path)) return;
          const where = at.child('projected', 'sources', name).index(j);
          warnings.push(`${where.text}: has duplicated path with ServiceAccountToken ${goQuote(item.path)}`);
        });
      }
    }
  });
  return warnings;
}

function duplicates<T>(
  items: readonly T[] | undefined,
  key: (item: T) => string,
  warn: (i: number, value: string) => string,
): string[] {
  const seen = new Set<string>();
  return (items ?? []).flatMap((item, i) => {
    const value = key(item);
    if (seen.has(value)) return [warn(i, value)];
    seen.add(value);
    return [];
  });
}

function fractionWarnings(
  at: FieldPath,
  list: Record<string, string> | undefined,
  names: readonly string[] = ['memory', 'ephemeral-storage'],
): string[] {
  return names.flatMap((name) => {
    const text = list?.[name];
    if (text === undefined) return [];
    const quantity = parseQuantity(text);
    if (quantity.nanos % 1_000_000_000n === 0n) return [];
    return [
      `${at.key(name).text}: fractional byte value ${goQuote(formatQuantity(quantity))} is invalid, must be an integer`,
    ];
  });
}

/** Whether nothing is left of an earlier variable of that name. A later value may build on it, as in X="$(X):more". */
function hidesEarlier({ name, value = '', valueFrom }: EnvVar): boolean {
  const reference = `$(${name})`;
  return valueFrom !== undefined || value === reference || !value.includes(reference);
}

function containerWarnings(spec: PodSpec, annotations: Readonly<Record<string, string>>): string[] {
  const warnings: string[] = [];
  for (const { container, path: at } of visitContainers(spec)) {
    const key = `container.seccomp.security.alpha.kubernetes.io/${container.name}`;
    if (!container.securityContext?.seccompProfile && annotations[key] !== undefined) {
      warnings.push(
        `${annotationsPath.key(key).text}: non-functional in v1.27+; use the "seccompProfile" field instead`,
      );
    }
    warnings.push(
      ...fractionWarnings(at.child('resources', 'limits'), container.resources?.limits),
      ...fractionWarnings(at.child('resources', 'requests'), container.resources?.requests),
    );
    const seen = new Set<string>();
    container.env?.forEach((variable, i) => {
      const { name } = variable;
      if (seen.has(name) && hidesEarlier(variable)) {
        const text = `hides previous definition of ${goQuote(name)}, which may be dropped when using apply`;
        warnings.push(`${at.child('env').index(i).text}: ${text}`);
      }
      seen.add(name);
    });
  }
  return warnings;
}

/** An answer has room for fewer than that many warnings; all pairs of many ports would fill the memory. */
const mostPortWarnings = 100;

function portWarnings(spec: PodSpec): string[] {
  const warnings: string[] = [];
  const seen = new Map<string, { at: FieldPath; port: ContainerPort }[]>();
  for (const { container, path: containerPath } of visitContainers(spec)) {
    container.ports?.forEach((port, i) => {
      if (warnings.length >= mostPortWarnings) return;
      const at = containerPath.child('ports').index(i);
      const { name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' } = port;
      if (hostIP !== '' && hostPort === 0) {
        const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
        warnings.push(`${at.text}: hostIP set without hostPort: ${shown}`);
      }
      const key = `${containerPort}/${protocol}`;
      const others = seen.get(key) ?? [];
      for (const other of others) {
        const [otherIP, otherPort] = [other.port.hostIP ?? '', other.port.hostPort ?? 0];
        if (hostIP === otherIP && hostPort === otherPort)
          warnings.push(`${at.text}: duplicate port definition with ${other.at.text}`);
        else if (hostPort === 0 || otherPort === 0)
          warnings.push(`${at.text}: overlapping port definition with ${other.at.text}`);
        else if (hostPort === otherPort && (hostIP === '') !== (otherIP === '')) {
          warnings.push(`${at.text}: dangerously ambiguous port definition with ${other.at.text}`);
        }
      }
      if (others.length < mostPortWarnings) others.push({ at, port });
      seen.set(key, others);
    });
  }
  return warnings;
}

function nameWarnings(pod: Pod): string[] {
  const messages = dns1123Label(pod.metadata?.name ?? '');
  if (messages.length === 0) return [];
  const text =
    "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
  return [`${metadata.child('name').text}: ${text}: [${messages.join(' ')}]`];
}

function metaWarnings(pod: Pod): string[] {
  const annotations = pod.metadata?.annotations ?? {};
  const warnings: string[] = [];
  for (const [key, text] of Object.entries(oldAnnotations)) {
    if (annotations[key] !== undefined) warnings.push(`${annotationsPath.key(key).text}: ${text}`);
  }
  const seccomp = 'seccomp.security.alpha.kubernetes.io/pod';
  if (annotations[seccomp] !== undefined && !pod.spec?.securityContext?.seccompProfile) {
    warnings.push(
      `${annotationsPath.key(seccomp).text}: non-functional in v1.27+; use the "seccompProfile" field instead`,
    );
  }
  return warnings;
}

/** Every warning that a new pod, its defaults set, deserves. */
export const podWarnings = (pod: Pod): string[] => [...nameWarnings(pod), ...templateWarnings(pod)];

/** Every warning that the metadata and spec of a pod to be deserve; the paths are a pod's. */
export function templateWarnings(pod: Pod): string[] {
  const spec = pod.spec ?? { containers: [] };
  const grace = path.child('terminationGracePeriodSeconds');
  return [
    ...metaWarnings(pod),
    ...placementWarnings(spec),
    ...volumeWarnings(spec),
    ...duplicates(
      spec.hostAliases,
      ({ ip }) => ip,
      (i, ip) => `${path.child('hostAliases').index(i).child('ip').text}: duplicate ip ${goQuote(ip)}`,
    ),
    ...duplicates(
      spec.imagePullSecrets,
      ({ name = '' }) => name,
      (i, name) => `${path.child('imagePullSecrets').index(i).child('name').text}: duplicate name ${goQuote(name)}`,
    ),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, i) =>
      name ? [] : [`${path.child('imagePullSecrets').index(i).child('name').text}: invalid empty name ""`],
    ),
    ...fractionWarnings(path.child('overhead'), spec.overhead),
    ...containerWarnings(spec, pod.metadata?.annotations ?? {}),
    ...portWarnings(spec),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${grace.text}: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...affinityWarnings(spec),
    ...notActedOnWarnings(pod),
  ];
}
