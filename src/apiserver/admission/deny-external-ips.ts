// The plugin DenyServiceExternalIPs: services may keep the external addresses that they have, and get no new ones.
// Follows plugin/pkg/admission/denyserviceexternalips/admission.go of v1.36.

import type { Service } from '../../api/generated/types.ts';
import { type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';

export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  validate(at) {
    if (!isWriteOf(at, '', 'services')) return;
    const had = new Set((at.old as Service | undefined)?.spec?.externalIPs);
    const wanted = (at.object as Service).spec?.externalIPs ?? [];
    if (wanted.some((address) => !had.has(address)))
      throw refuse(at, 'Use of external IPs is denied by admission control.');
  },
};
