// The columns of Ingresses. Follows printIngress in pkg/printers/internalversion/printers.go of v1.36.

import type { Ingress } from '../../generated/types.ts';
import type { TableColumn } from '../../scheme.ts';
import { ageColumn, nameColumn, textColumn } from '../common.ts';

const mostHosts = 3;

/** The hosts of the first rules, and how many more rules there are. */
function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === mostHosts) more = true;
    if (!more && host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - mostHosts} more...` : shown.join(',');
}

/** Where its controller serves it: sorted, each once. */
const addresses = ({ status }: Ingress): string => {
  const all = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...new Set(all)].filter(Boolean).toSorted().join(',');
};

export const ingressColumns: readonly TableColumn<Ingress>[] = [
  nameColumn,
  textColumn<Ingress>(
    'Class',
    'The class, whose controller serves it.',
    ({ spec }) => spec?.ingressClassName ?? '<none>',
  ),
  textColumn<Ingress>('Hosts', 'The hosts that it answers for.', hosts),
  textColumn<Ingress>('Address', 'Where its controller serves it.', addresses),
  textColumn<Ingress>('Ports', 'Ports of TLS and of plain HTTP.', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
  ageColumn,
];
