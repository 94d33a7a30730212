// What the options ask to be kept back from pods on the real node, checked before anything is started.

import type { ReservationFlags } from '../cli/reservation-options.ts';
import {
  defaultReservations,
  type NodeReservations,
  parseReservation,
} from '../kubelet/node-status/node-allocatable.ts';
import { UserError } from './user-error.ts';

/** Throws a UserError that names the option. */
export function reservationSettings(flags: ReservationFlags): NodeReservations {
  const list = (option: string, text = ''): Record<string, string> => {
    try {
      return parseReservation(option, text);
    } catch (error) {
      throw new UserError(error instanceof Error ? error.message : String(error));
    }
  };
  return {
    kubeReserved: list('--kube-reserved', flags.kubeReserved),
    systemReserved: list('--system-reserved', flags.systemReserved),
    maxPods: flags.maxPods ?? defaultReservations.maxPods,
    podsPerCore: flags.podsPerCore ?? defaultReservations.podsPerCore,
    podPidsLimit: flags.podMaxPids ?? defaultReservations.podPidsLimit,
  };
}
