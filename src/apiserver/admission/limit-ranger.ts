// Holds pods and claims to the LimitRanges of their namespace. Follows plugin/pkg/admission/limitranger/admission.go of v1.36.

import type { LimitRange, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { type AdmissionAttributes, type AdmissionPlugin, refuse } from './admission.ts';
import { applyLimitDefaults, claimLimitErrors, podLimitErrors } from './limit-checks.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const limitRanges: LookupKind<LimitRange> = { group: '', resource: 'limitranges' };

/** What the write is of, where the plugin looks at it: resources of a pod change by a resize only. */
function subjectOf({ operation, resource, subresource, old }: AdmissionAttributes): 'pod' | 'claim' | undefined {
  const { group, resource: plural } = resource.kind;
  if (group !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  if (old?.metadata.deletionTimestamp !== undefined) return undefined;
  if (plural === 'pods')
    return (operation === 'CREATE' && subresource === '') || (operation === 'UPDATE' && subresource === 'resize')
      ? 'pod'
      : undefined;
  return plural === 'persistentvolumeclaims' && subresource === '' ? 'claim' : undefined;
}

export function limitRanger(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'LimitRanger',
    concerns: (at) => subjectOf(at) !== undefined && !objects.hasNone(limitRanges),
    async mutate(at) {
      if (subjectOf(at) !== 'pod') return;
      for (const range of await objects.list(limitRanges, at.namespace)) applyLimitDefaults(range, at.object as Pod);
    },
    async validate(at) {
      const subject = subjectOf(at);
      if (subject === undefined) return;
      for (const range of await objects.list(limitRanges, at.namespace)) {
        const errors =
          subject === 'pod'
            ? podLimitErrors(range, at.object as Pod, at.old as Pod | undefined)
            : claimLimitErrors(range, at.object as PersistentVolumeClaim);
        const texts = [...new Set(errors)];
        if (texts.length > 0) throw refuse(at, texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
      }
    },
  };
}
