// The services whose variables containers get, as the API has them now.

import type { Service } from '../../api/generated/types.ts';
import type { Informer } from '../../client/informer.ts';
import { type Clock, sleep } from '../../lib/clock.ts';

export interface ServiceSource {
  list(): Iterable<Service>;
  /** Whether they have been read at least once; waits a moment for that. */
  synced(): Promise<boolean>;
}

/** Of a node without services. */
export const noServices: ServiceSource = { list: () => [], synced: async () => true };

/** A pod that came with the kubelet's start comes just before the services: it is not sent back at once. ms. */
const patienceMs = 1000;

/** Services from an informer of all namespaces, which somebody else starts. */
export function serviceSourceOf(informer: Informer<Service>, clock: Clock): ServiceSource {
  return {
    list: () => informer.list(),
    async synced() {
      if (!informer.hasSynced()) await Promise.race([informer.synced(), sleep(clock, patienceMs)]);
      return informer.hasSynced();
    },
  };
}
