// Decides which IPAddress objects are missing or left over: one for each address of a service, as long as the service has it.
// Follows pkg/registry/core/service/ipallocator/ipallocator.go and controller/repairip.go of v1.36.

import type { IPAddress, ParentReference, Service } from '../../api/generated/types.ts';
import {
  familyLabel,
  isManagedAddress,
  managerLabel,
  serviceAddressManager,
} from '../../api/kinds/ipaddress/managed.ts';
import { parseIp } from '../../api/meta/ip-address.ts';

export type AddressAction = { do: 'create'; object: IPAddress } | { do: 'delete'; object: IPAddress };

const parentOf = ({ metadata }: Service): ParentReference => ({
  group: '',
  resource: 'services',
  namespace: metadata?.namespace ?? '',
  name: metadata?.name ?? '',
});

const isOf = ({ spec }: IPAddress, { metadata }: Service): boolean => {
  const { group = '', resource, namespace, name } = spec?.parentRef ?? {};
  return group === '' && resource === 'services' && namespace === metadata?.namespace && name === metadata?.name;
};

function addressObject(address: string, service: Service): IPAddress {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      labels: { [familyLabel]: address.includes(':') ? 'IPv6' : 'IPv4', [managerLabel]: serviceAddressManager },
    },
    spec: { parentRef: parentOf(service) },
  };
}

/** What to make and to take away. An object that others made for an address of a service stays as it is. */
export function decideAddresses(services: readonly Service[], found: readonly IPAddress[]): AddressAction[] {
  const wanted = new Map<string, Service>();
  for (const service of services)
    for (const address of service.spec?.clusterIPs ?? [])
      if (parseIp(address) !== undefined && !wanted.has(address)) wanted.set(address, service);
  const actions: AddressAction[] = [];
  for (const object of found) {
    const address = object.metadata?.name ?? '';
    const service = wanted.get(address);
    wanted.delete(address);
    // One of another service is deleted first, and made anew in the next round.
    if (
      isManagedAddress(object) &&
      (service === undefined || !isOf(object, service)) &&
      !object.metadata?.deletionTimestamp
    )
      actions.push({ do: 'delete', object });
  }
  for (const [address, service] of wanted) actions.push({ do: 'create', object: addressObject(address, service) });
  return actions;
}
