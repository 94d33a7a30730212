// The Pod kind. Follows pkg/registry/core/pod of v1.36.

import type { Pod } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, connect } from '../common.ts';
import { setPodDefaults } from './defaults.ts';
import { podEphemeralContainersStrategy } from './ephemeral-containers.ts';
import { podColumns, podRowConditions } from './printer.ts';
import { podResizeStrategy } from './resize.ts';
import { podStatusStrategy, podStrategy } from './strategy.ts';

const execVerbs = ['create', 'get'] as const;

export const podKind: KindDefinition<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  resource: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.Pod',
  defaults: setPodDefaults,
  strategy: podStrategy,
  selectableFields: (pod) => ({
    'spec.nodeName': pod.spec?.nodeName ?? '',
    'spec.restartPolicy': pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(pod.spec?.hostNetwork ?? false),
    'status.phase': pod.status?.phase ?? '',
    'status.podIP': pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '',
    // Upstream takes the label, and gives no pod a value for it.
    'status.podIPs': '',
    'status.nominatedNodeName': pod.status?.nominatedNodeName ?? '',
  }),
  fieldLabels: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  fieldAliases: { 'spec.host': 'spec.nodeName' },
  columns: podColumns,
  rowConditions: podRowConditions,
  hasGeneration: true,
  subresources: {
    status: { kind: 'object', verbs: ['get', 'update', 'patch'], strategy: podStatusStrategy },
    ephemeralcontainers: {
      kind: 'object',
      verbs: ['get', 'patch', 'update'],
      strategy: podEphemeralContainersStrategy,
    },
    resize: { kind: 'object', verbs: ['get', 'patch', 'update'], strategy: podResizeStrategy },
    binding: connect(['create'], 'Binding'),
    eviction: connect(['create'], 'Eviction', 'policy'),
    log: connect(['get'], 'Pod'),
    exec: connect(execVerbs, 'PodExecOptions'),
    attach: connect(execVerbs, 'PodAttachOptions'),
    portforward: connect(execVerbs, 'PodPortForwardOptions'),
    proxy: connect(['create', 'delete', 'get', 'patch', 'update'], 'PodProxyOptions'),
  },
};
