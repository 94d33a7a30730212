// The annotation that Kubernetes asks of definitions in its own groups.
// Follows apiextensions-apiserver pkg/apihelpers/helpers.go and pkg/controller/apiapproval of v1.36.

import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';

const annotation = 'api-approved.kubernetes.io';
const url = 'https://github.com/kubernetes/enhancements/pull/1111';

type State = 'Approved' | 'Unapproved' | 'Missing' | 'Invalid';

interface Approval {
  state: State;
  reason: string;
}

const isProtected = (group: string): boolean => /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);

function isUrl(text: string): boolean {
  return /^[a-z][\w+.-]*:\/\/[^/]/i.test(text) && URL.canParse(text);
}

function approvalOf({ metadata }: CustomResourceDefinition): Approval {
  const text = metadata?.annotations?.[annotation] ?? '';
  const must = `protected groups must have approval annotation ${goQuote(annotation)}`;
  if (text === '') return { state: 'Missing', reason: `${must}, see ${url}` };
  if (text.startsWith('unapproved')) return { state: 'Unapproved', reason: `not approved: ${goQuote(text)}` };
  if (isUrl(text)) return { state: 'Approved', reason: `approved in ${text}` };
  return { state: 'Invalid', reason: `${must} with either a URL or a reason starting with "unapproved", see ${url}` };
}

/** What is wrong with the annotation; one that was so before may stay. */
export function validateApproval(crd: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  if (!isProtected(crd.spec.group ?? '')) return [];
  const { state, reason } = approvalOf(crd);
  if (old !== undefined && approvalOf(old).state === state) return [];
  const path = new FieldPath('metadata').child('annotations').key(annotation);
  if (state === 'Missing') return [required(path, reason)];
  return state === 'Invalid' ? [invalid(path, crd.metadata?.annotations?.[annotation] ?? '', reason)] : [];
}

const conditionReasons: Readonly<Record<State, string>> = {
  Approved: 'ApprovedAnnotation',
  Unapproved: 'UnapprovedAnnotation',
  Missing: 'MissingAnnotation',
  Invalid: 'InvalidAnnotation',
};

/** The condition that tells of it; undefined for groups that are not Kubernetes' own. */
export function approvalCondition(crd: CustomResourceDefinition): CustomResourceDefinitionCondition | undefined {
  if (!isProtected(crd.spec.group)) return undefined;
  const { state, reason } = approvalOf(crd);
  return {
    type: 'KubernetesAPIApprovalPolicyConformant',
    status: state === 'Approved' ? 'True' : 'False',
    reason: conditionReasons[state],
    message: reason,
  };
}
