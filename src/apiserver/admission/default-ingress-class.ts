// Gives an ingress that names no class the default one. Follows plugin/pkg/admission/network/defaultingressclass/admission.go of v1.36.

import type { Ingress, IngressClass } from '../../api/generated/types.ts';
import { classAnnotation } from '../../api/kinds/ingress/validate.ts';
import { isDefaultClass } from '../../api/kinds/ingressclass/definition.ts';
import { type AdmissionPlugin, isResource, isWriteOf } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const classes: LookupKind<IngressClass> = { group: 'networking.k8s.io', resource: 'ingressclasses' };

const createdAt = ({ metadata }: IngressClass): string => metadata?.creationTimestamp ?? '';

/** The newest of several, the first by name of those of the same second. */
function chosen(defaults: readonly IngressClass[]): IngressClass | undefined {
  return defaults.toSorted((a, b) => {
    if (createdAt(a) !== createdAt(b)) return createdAt(a) < createdAt(b) ? 1 : -1;
    return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
  })[0];
}

export function defaultIngressClass(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    concerns: (at) => isResource(at, 'networking.k8s.io', 'ingresses'),
    async mutate(at) {
      if (at.operation !== 'CREATE' || !isWriteOf(at, 'networking.k8s.io', 'ingresses') || !at.object) return;
      const ingress = at.object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata?.annotations?.[classAnnotation] !== undefined) return;
      const found = chosen((await objects.list(classes, '')).filter(isDefaultClass));
      if (found?.metadata?.name !== undefined)
        ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
    },
  };
}
