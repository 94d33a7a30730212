// Refuses writes into namespaces that are missing or ending, and deletes of the system's own.
// Follows apiserver pkg/admission/plugin/namespace/lifecycle/admission.go of v1.36.

import type { Namespace } from '../../api/generated/types.ts';
import { ApiError, forbidden, notFound } from '../../api/meta/errors.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);
const namespaces = { group: '', resource: 'namespaces' };

/** True for a namespace that is being deleted. */
const isTerminating = (namespace: Namespace): boolean => namespace.status?.phase === 'Terminating';

/** `find` gives the current namespace, having waited for every acknowledged write. */
export function namespaceLifecycle(find: (name: string) => Soon<Namespace | undefined>): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    mutate(attributes) {
      const { operation, resource, namespace, name } = attributes;
      const isNamespace = resource.kind.group === '' && resource.kind.resource === 'namespaces';
      if (isNamespace) {
        if (operation === 'DELETE' && immortal.has(name))
          throw forbidden(namespaces, name, 'this namespace may not be deleted');
        return;
      }
      if (namespace === '' || operation === 'DELETE' || operation === 'CONNECT') return;
      return whenThere(find(namespace), (found) => {
        if (found === undefined) throw notFound(namespaces, namespace);
        if (operation === 'CREATE' && isTerminating(found)) throw terminating(attributes);
      });
    },
  };
}

function terminating({ resource, name, namespace }: AdmissionAttributes): ApiError {
  const error = forbidden(
    resource.qualified,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  return new ApiError({
    ...error.status,
    details: {
      ...error.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  });
}
