// The flow schemas that every cluster has. Follows apiserver pkg/apis/flowcontrol/bootstrap/default.go of v1.36.

import type {
  FlowSchema,
  FlowcontrolV1Subject,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
} from '../../generated/types.ts';
import { autoUpdateAnnotation } from '../prioritylevelconfiguration/system-priority-levels.ts';

const group = (name: string): FlowcontrolV1Subject => ({ kind: 'Group', group: { name } });
const user = (name: string): FlowcontrolV1Subject => ({ kind: 'User', user: { name } });
const everyone = [group('system:unauthenticated'), group('system:authenticated')];
const nodes = [group('system:nodes')];
const systemAccounts: FlowcontrolV1Subject = {
  kind: 'ServiceAccount',
  serviceAccount: { name: '*', namespace: 'kube-system' },
};

const onResources = (
  verbs: string[],
  apiGroup: string,
  resources: string[],
  clusterScope: boolean,
): ResourcePolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
  ...(clusterScope ? { clusterScope } : {}),
  namespaces: ['*'],
});

const allResources = onResources(['*'], '*', ['*'], true);
const allUrls: NonResourcePolicyRule = { verbs: ['*'], nonResourceURLs: ['*'] };
const leases = (verbs: string[]): ResourcePolicyRule => onResources(verbs, 'coordination.k8s.io', ['leases'], false);

const everythingOf = (subjects: FlowcontrolV1Subject[]): PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [allResources],
  nonResourceRules: [allUrls],
});

function schema(
  name: string,
  level: string,
  matchingPrecedence: number,
  method: 'ByUser' | 'ByNamespace' | undefined,
  rules: PolicyRulesWithSubjects,
): FlowSchema {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name, annotations: { [autoUpdateAnnotation]: 'true' } },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence,
      ...(method === undefined ? {} : { distinguisherMethod: { type: method } }),
      rules: [rules],
    },
  };
}

/** Those whose spec is fixed. */
export const mandatoryFlowSchemas: readonly FlowSchema[] = [
  schema('exempt', 'exempt', 1, undefined, everythingOf([group('system:masters')])),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', everythingOf(everyone)),
];

/** Those that an administrator may change or replace. */
export const suggestedFlowSchemas: readonly FlowSchema[] = [
  schema('system-nodes', 'system', 500, 'ByUser', everythingOf(nodes)),
  schema('system-node-high', 'node-high', 400, 'ByUser', {
    subjects: nodes,
    resourceRules: [onResources(['*'], '', ['nodes', 'nodes/status'], true), leases(['*'])],
  }),
  schema('probes', 'exempt', 2, undefined, {
    subjects: everyone,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema('system-leader-election', 'leader-election', 100, 'ByUser', {
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), systemAccounts],
    resourceRules: [leases(['get', 'create', 'update'])],
  }),
  schema(
    'kube-controller-manager',
    'workload-high',
    800,
    'ByNamespace',
    everythingOf([user('system:kube-controller-manager')]),
  ),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', everythingOf([user('system:kube-scheduler')])),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everythingOf([systemAccounts])),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', everythingOf([group('system:serviceaccounts')])),
  schema('global-default', 'global-default', 9900, 'ByUser', everythingOf(everyone)),
];
