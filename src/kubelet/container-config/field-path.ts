// Gives the value of a downward API field path of a pod, for env values and for files.
// Follows pkg/fieldpath/fieldpath.go and pkg/apis/core/pods/helpers.go of v1.36.

import type { ObjectFieldSelector, Pod } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';

/** What a pod's own object does not tell yet when a container starts. */
export interface PodAddresses {
  podIPs: readonly string[];
  hostIPs: readonly string[];
}

const convertible = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

/** `metadata.labels['key']` as its path and key; a path without a subscript has no key. */
function splitSubscript(path: string): { path: string; key?: string } {
  const match = /^(.*)\['(.*)'\]$/s.exec(path);
  return match?.[1] === undefined || match[2] === undefined ? { path } : { path: match[1], key: match[2] };
}

/** A map as sorted lines `key="value"`, the values quoted as Go does, without a last newline. */
export function formatMap(map: Readonly<Record<string, string>>): string {
  const keys = Object.keys(map).sort((a, b) => (a < b ? -1 : 1));
  return keys.map((key) => `${key}=${goQuote(map[key] ?? '')}`).join('\n');
}

/**
 * The value as text; empty where the pod has none. `addresses` give status.podIP and status.hostIP.
 * Throws `unsupported pod version: …`, `field label not supported: …` or `unsupported fieldPath: …`.
 */
export function podFieldValue(
  selector: Pick<ObjectFieldSelector, 'apiVersion' | 'fieldPath'>,
  pod: Pod,
  addresses: PodAddresses,
): string {
  if ((selector.apiVersion ?? 'v1') !== 'v1') throw new Error(`unsupported pod version: ${selector.apiVersion}`);
  const { path, key } = splitSubscript(selector.fieldPath);
  if (key !== undefined) {
    if (path === 'metadata.labels') return pod.metadata?.labels?.[key] ?? '';
    if (path === 'metadata.annotations') return pod.metadata?.annotations?.[key] ?? '';
    throw new Error(`field label does not support subscript: ${selector.fieldPath}`);
  }
  // spec.host is what spec.nodeName was called in v1beta, still converted.
  const name = path === 'spec.host' ? 'spec.nodeName' : path;
  if (!convertible.has(name)) throw new Error(`field label not supported: ${path}`);
  switch (name) {
    case 'metadata.annotations':
      return formatMap(pod.metadata?.annotations ?? {});
    case 'metadata.labels':
      return formatMap(pod.metadata?.labels ?? {});
    case 'metadata.name':
      return pod.metadata?.name ?? '';
    case 'metadata.namespace':
      return pod.metadata?.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata?.uid ?? '';
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return addresses.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return addresses.hostIPs.join(',');
    case 'status.podIP':
      return addresses.podIPs[0] ?? '';
    case 'status.podIPs':
      return addresses.podIPs.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${selector.fieldPath}`);
  }
}
