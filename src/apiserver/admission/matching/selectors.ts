// Whether the namespace selector and the object selector of a webhook or an admission policy cover a request. Pure but for the look-up given.
// Follows apiserver pkg/admission/plugin/webhook/predicates/{namespace,object}/matcher.go of v1.36.

import type { Namespace } from '../../../api/generated/types.ts';
import { notFound } from '../../../api/meta/errors.ts';
import { type LabelSelectorObject, matchesLabels, selectorOf } from '../../../api/meta/label-selector.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { requestNamespace } from './rules.ts';
import type { Soon } from '../../../lib/soon.ts';

/** The namespace of that name, having waited for every acknowledged write. */
export type NamespaceLookup = (name: string) => Soon<Namespace | undefined>;

type Selector = LabelSelectorObject | null | undefined;

const isEmpty = (selector: Selector): boolean =>
  !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0);

/** Objects outside of namespaces are never left out. Throws 404 where the namespace is not there. */
export async function namespaceSelected(
  selector: Selector,
  at: AdmissionAttributes,
  namespaces: NamespaceLookup,
): Promise<boolean> {
  const name = requestNamespace(at);
  const isNamespace = at.resource.kind.resource === 'namespaces';
  if ((name === '' && !isNamespace) || isEmpty(selector)) return true;
  const isWritten = at.subresource === '' && (at.operation === 'CREATE' || at.operation === 'UPDATE');
  if (isNamespace && isWritten) return matchesLabels(selectorOf(selector), at.object?.metadata?.labels);
  const namespace = await namespaces(name);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, name);
  return matchesLabels(selectorOf(selector), namespace.metadata?.labels);
}

/** Whether the labels of the object, or of what it was before, are selected. */
export function objectSelected(selector: Selector, { object, old }: AdmissionAttributes): boolean {
  if (isEmpty(selector)) return true;
  const wanted = selectorOf(selector);
  return [object, old].some((one) => one?.metadata !== undefined && matchesLabels(wanted, one.metadata.labels));
}
