// Lets mutating admission change an object, and puts right what it may leave behind.
// Follows apiserver pkg/endpoints/handlers/fieldmanager/admission.go and rest.go (dedupOwnerReferences) of v1.36.

import { decodeEntries } from '../../api/managed-fields/managed-entries.ts';
import type { OwnerReference } from '../../api/meta/types.ts';
import type { AdmissionAttributes } from '../admission/admission.ts';
import type { StoredObject } from './object-version.ts';
import type { WriteContext } from './write-context.ts';

const ownerText = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference): string =>
  JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);

/** Takes out owners that are there twice, and warns of them. `when` tells where they were noticed. */
function dropDuplicateOwners(
  { warnings }: Pick<WriteContext, 'warnings'>,
  { metadata }: StoredObject,
  when: string,
): void {
  const { ownerReferences = [] } = metadata;
  if (ownerReferences.length < 2) return;
  // By their texts: a body has room for tens of thousands.
  const seen = new Set<string>();
  const kept: OwnerReference[] = [];
  const duplicates: string[] = [];
  for (const owner of ownerReferences) {
    const text = ownerText(owner);
    if (seen.has(text)) duplicates.push(owner.uid);
    else kept.push(owner);
    seen.add(text);
  }
  if (duplicates.length === 0) return;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${duplicates.join(', ')}`,
  );
  metadata.ownerReferences = kept;
}

/** Takes out owners that a client sends twice. */
export const checkOwners = (context: Pick<WriteContext, 'warnings'>, object: StoredObject): void =>
  dropDuplicateOwners(context, object, '');

/** Why managedFields cannot be read; undefined where it can. */
function managedFieldsError({ metadata }: StoredObject): string | undefined {
  try {
    decodeEntries(metadata.managedFields ?? []);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the mutating plugins. Where they leave managedFields that cannot be read it is as it was before. */
export async function mutate(context: WriteContext, asked: AdmissionAttributes, object: StoredObject): Promise<void> {
  const { managedFields } = object.metadata;
  await context.deps.admission.mutate(asked);
  // The list that was there before was made here, and nobody changes it in place.
  const wrong = object.metadata.managedFields === managedFields ? undefined : managedFieldsError(object);
  if (wrong !== undefined) {
    if (managedFields === undefined) delete object.metadata.managedFields;
    else object.metadata.managedFields = managedFields;
    context.warnings.push(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${wrong}`,
    );
  }
  dropDuplicateOwners(context, object, ' after mutating admission happens');
}
