// The columns of Services. Follows printService in pkg/printers/internalversion/printers.go of v1.36.

import type { Service } from '../../generated/types.ts';
import type { TableColumn } from '../../scheme.ts';
import { ageColumn, nameColumn, textColumn } from '../common.ts';

function externalAddress({ spec = {}, status }: Service): string {
  const ofBalancer = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  const own = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'LoadBalancer':
      return [...ofBalancer, ...own].join(',') || '<pending>';
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return own.join(',') || '<none>';
  }
}

const ports = ({ spec }: Service): string =>
  (spec?.ports ?? [])
    .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`)
    .join(',') || '<none>';

const selector = ({ spec }: Service): string =>
  Object.entries(spec?.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',') || '<none>';

export const serviceColumns: readonly TableColumn<Service>[] = [
  nameColumn,
  textColumn<Service>('Type', 'How the service is reached.', ({ spec }) => spec?.type ?? ''),
  textColumn<Service>('Cluster-IP', 'Its address inside the cluster.', ({ spec }) => spec?.clusterIPs?.[0] ?? '<none>'),
  textColumn<Service>('External-IP', 'Where it is reached from outside.', externalAddress),
  textColumn<Service>('Port(s)', 'Its ports, each with its port on the nodes.', ports),
  ageColumn,
  textColumn<Service>('Selector', 'The labels of its pods.', selector, true),
];
