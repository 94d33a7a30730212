// A node that can do everything and allows it, for tests.

import type { NodeAbilities } from '../decide/admit-pod.ts';
import { createSysctlAllowlist } from '../decide/sysctl-allowlist.ts';

export const ableNode: NodeAbilities = {
  operatingSystem: 'linux',
  sysctls: createSysctlAllowlist('6.1.0'),
  appArmor: true,
  supplementalGroupsPolicy: true,
  allowPrivileged: true,
};
