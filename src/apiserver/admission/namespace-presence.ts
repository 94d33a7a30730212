// The plugins NamespaceAutoProvision, which makes the namespaces that writes name, and NamespaceExists, which refuses writes without one.
// Follows plugin/pkg/admission/namespace/{autoprovision,exists}/admission.go of v1.36.

import type { Namespace } from '../../api/generated/types.ts';
import { isApiError, notFound } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isResource } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };

/** Whether it is a write of something in a namespace. */
const isInNamespace = (at: AdmissionAttributes): boolean =>
  at.namespace !== '' && at.operation !== 'CONNECT' && !isResource(at, '', 'namespaces');

export const namespaceAutoProvision = (deps: { objects: ObjectLookup; transport(): Transport }): AdmissionPlugin => ({
  name: 'NamespaceAutoProvision',
  async mutate(at) {
    // A dry run must leave nothing behind.
    if (at.operation !== 'CREATE' || at.dryRun || !isInNamespace(at)) return;
    if ((await deps.objects.get(namespaces, '', at.namespace)) !== undefined) return;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: at.namespace } };
    try {
      await deps.transport().request({ method: 'POST', path: '/api/v1/namespaces', body });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  },
});

export const namespaceExists = ({ objects }: { objects: ObjectLookup }): AdmissionPlugin => ({
  name: 'NamespaceExists',
  async validate(at) {
    if (isInNamespace(at) && (await objects.get(namespaces, '', at.namespace)) === undefined)
      throw notFound({ group: '', resource: 'namespaces' }, at.namespace);
  },
});
