// The options of `up` for what the real node keeps back from pods and allows them. Names are the kubelet's own.

import { type Command, InvalidArgumentError } from 'commander';

/** As written by the user; absent ones have the kubelet's defaults. */
export interface ReservationFlags {
  kubeReserved?: string;
  systemReserved?: string;
  maxPods?: number;
  podsPerCore?: number;
  podMaxPids?: number;
}

const integer =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least)
      throw new InvalidArgumentError(`wants a whole number from ${least} on.`);
    return value;
  };

/** Adds them. What the lists say is checked by main. */
export function addReservationOptions(up: Command): Command {
  return up
    .option(
      '--kube-reserved <amounts>',
      'cpu=100m,memory=256Mi,ephemeral-storage=1Gi,pid=1000: kept for Peapod and containerd',
    )
    .option('--system-reserved <amounts>', 'the same for all else on the machine')
    .option('--max-pods <n>', 'pods that the real node takes (default: 110)', integer(0))
    .option('--pods-per-core <n>', 'pods for each CPU, up to --max-pods (default: 0, no such bound)', integer(0))
    .option('--pod-max-pids <n>', 'processes that a pod may have (default: -1, no bound of its own)', integer(-1));
}
