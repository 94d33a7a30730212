// Warnings that creating a Pod gives. Follows pkg/api/pod/warnings.go of v1.36, and adds what Peapod does not act on yet.

import type { Pod } from '../../generated/types.ts';
import { dns1123Label } from '../../meta/names.ts';

export function podWarnings(pod: Pod): string[] {
  const warnings: string[] = [];
  const messages = dns1123Label(pod.metadata?.name ?? '');
  if (messages.length) {
    warnings.push(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
    );
  }
  return warnings;
}
