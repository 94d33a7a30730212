// PodCgroups of a node on which pods have none of their own.

import type { PodCgroups } from '../seams.ts';

export const noCgroups: PodCgroups = {
  ensure: async () => '',
  limits: async () => undefined,
  limit: async () => {},
  memoryUsage: async () => undefined,
  remove: async () => {},
  list: async () => [],
};
