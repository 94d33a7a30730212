// Says in the status of validating admission policies what is wrong with their expressions, for the types that they match.
// Follows pkg/controller/validatingadmissionpolicystatus/controller.go of v1.36.

import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyStatus } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { parseApiVersion } from '../../api/meta/types.ts';
import type { Transport } from '../../api/transport.ts';
import { resourcePath, validatingAdmissionPolicies } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';
import { schemaLookup } from './schemas.ts';
import { type CheckedType, maxTypes, namedResources, typeWarnings } from './type-check.ts';

/** Its name upstream, which is the name of its queue, too. */
const manager = 'validatingadmissionpolicy-status';

export const policyStatusController: Controller = ({ transport, clock, logger, metrics, informers }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: manager });
  const { validatingAdmissionPolicies: known } = informers;
  const changed = ({ metadata }: ValidatingAdmissionPolicy): void => queue.add(metadata?.name ?? '');
  known.addHandler({ onAdd: changed, onUpdate: (_old, policy) => changed(policy), onDelete: () => undefined });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const policy = known.get(name);
      if (policy === undefined || (policy.metadata?.generation ?? 0) <= (policy.status?.observedGeneration ?? 0))
        return;
      const { group, version, kind } = validatingAdmissionPolicies;
      const status = await policyStatus(policy, transport, signal);
      try {
        await transport.request({
          method: 'PATCH',
          path: resourcePath(validatingAdmissionPolicies, { name }, 'status'),
          contentType: 'application/apply-patch+yaml',
          query: { fieldManager: manager, force: 'true' },
          body: { apiVersion: `${group}/${version}`, kind, metadata: { name }, status },
          signal,
        });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
};

/** The status that a policy of that generation should have. */
export async function policyStatus(
  { metadata, spec = {} }: ValidatingAdmissionPolicy,
  transport: Transport,
  signal: AbortSignal,
): Promise<ValidatingAdmissionPolicyStatus> {
  const schemas = schemaLookup(transport, signal);
  const types = new Map<string, CheckedType>();
  for (const resource of namedResources(spec)) {
    if (types.size === maxTypes) break;
    const type = await schemas.ofResource(resource);
    if (type !== undefined) types.set([type.group, type.version, type.kind].join('/'), type);
  }
  const sorted = [...types.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, type]) => type);
  const { group, version } = parseApiVersion(spec.paramKind?.apiVersion ?? '');
  const params = spec.paramKind && (await schemas.ofKind(group, version, spec.paramKind.kind ?? ''));
  const expressionWarnings = typeWarnings(spec, sorted, params);
  return {
    observedGeneration: metadata?.generation ?? 0,
    typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
  };
}
