// How the IPAddress objects are marked that the API server makes for the addresses of services. Follows ipallocator of v1.36.

import type { IPAddress } from '../../generated/types.ts';

export const familyLabel = 'ipaddress.kubernetes.io/ip-family';
export const managerLabel = 'ipaddress.kubernetes.io/managed-by';
export const serviceAddressManager = 'ipallocator.k8s.io';

/** Whether the server made it for a service, and takes it away again. */
export const isManagedAddress = ({ metadata }: IPAddress): boolean =>
  metadata?.labels?.[managerLabel] === serviceAddressManager;
