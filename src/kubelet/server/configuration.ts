// The KubeletConfiguration that /configz shows: what this kubelet really runs with, in the fields that Kubernetes has for it.

import type { EnabledGates } from '../../api/feature-gates.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import { formatQuantity, quantityOf } from '../../api/meta/quantity.ts';
import { type EvictionConfig, isHard, type Threshold, type ThresholdValue } from '../eviction/thresholds.ts';
import type { ImageGcPolicy } from '../garbage/decide-image-gc.ts';
import type { LogRotatePolicy } from '../logs/log-rotator.ts';
import type { NodeReservations } from '../node-status/node-allocatable.ts';
import { nodeStatusTimes } from '../node-status/node-status.ts';
import { cacheTtl } from './kubelet-auth.ts';

/** What differs from node to node. */
export interface ConfigurationFacts {
  address: string;
  port: number;
  podCidr: string;
  reservations: NodeReservations;
  /** The folder of static pods' manifests; absent where there is none. */
  manifests?: string | undefined;
  /** Absent where pods have no cgroups. */
  cgroupRoot?: string | undefined;
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The resolv.conf that pods' own is made from; '' for none. */
  resolvConf: string;
  allowedUnsafeSysctls: readonly string[];
  systemLogs: boolean;
  /** The feature gates that are on beside those of v1.36 itself. */
  gates: EnabledGates;
  podLogs: string;
  upkeep: { eviction: EvictionConfig; imageGc: ImageGcPolicy; logs: LogRotatePolicy };
}

const valueText = (value: ThresholdValue): string =>
  // A share is a float32: its last digits are no part of what was asked for.
  'text' in value ? value.text : `${Number((value.share * 100).toPrecision(6))}%`;

const bySignal = (thresholds: readonly Threshold[], text: (threshold: Threshold) => string): Record<string, string> =>
  Object.fromEntries(thresholds.map((threshold) => [threshold.signal, text(threshold)]));

function evictionFields({ thresholds, maxPodGraceSeconds, pressureTransitionMs }: EvictionConfig): object {
  const soft = thresholds.filter((threshold) => !isHard(threshold));
  return {
    evictionHard: bySignal(thresholds.filter(isHard), ({ value }) => valueText(value)),
    ...(soft.length === 0
      ? {}
      : {
          evictionSoft: bySignal(soft, ({ value }) => valueText(value)),
          evictionSoftGracePeriod: bySignal(soft, ({ gracePeriodMs }) => goDuration(gracePeriodMs)),
        }),
    evictionPressureTransitionPeriod: goDuration(pressureTransitionMs),
    evictionMaxPodGracePeriod: maxPodGraceSeconds,
  };
}

/** The object; fields of KubeletConfiguration v1beta1 that have no meaning here are left out. */
export function kubeletConfiguration(facts: ConfigurationFacts): object {
  const { maxPods, podsPerCore, podPidsLimit, kubeReserved, systemReserved } = facts.reservations;
  const { eviction, imageGc, logs } = facts.upkeep;
  const { address, port, podCidr, cgroupRoot, clusterDns, clusterDomain, resolvConf } = facts;
  return {
    enableServer: true,
    ...(facts.manifests === undefined ? {} : { staticPodPath: facts.manifests }),
    address,
    port,
    authentication: {
      x509: {},
      webhook: { enabled: true, cacheTTL: goDuration(cacheTtl.token) },
      anonymous: { enabled: false },
    },
    authorization: {
      mode: 'Webhook',
      webhook: {
        cacheAuthorizedTTL: goDuration(cacheTtl.allowed),
        cacheUnauthorizedTTL: goDuration(cacheTtl.refused),
      },
    },
    clusterDomain,
    ...(clusterDns.length === 0 ? {} : { clusterDNS: [...clusterDns] }),
    nodeStatusUpdateFrequency: goDuration(nodeStatusTimes.updateMs),
    nodeStatusReportFrequency: goDuration(nodeStatusTimes.reportMs),
    nodeLeaseDurationSeconds: nodeStatusTimes.leaseSeconds,
    ...(cgroupRoot === undefined ? {} : { cgroupRoot, cgroupDriver: 'cgroupfs' }),
    cgroupsPerQOS: cgroupRoot !== undefined,
    maxPods,
    ...(podsPerCore === 0 ? {} : { podsPerCore }),
    podPidsLimit,
    ...(Object.keys(kubeReserved).length === 0 ? {} : { kubeReserved }),
    ...(Object.keys(systemReserved).length === 0 ? {} : { systemReserved }),
    enforceNodeAllocatable: cgroupRoot === undefined ? ['none'] : ['pods'],
    ...evictionFields(eviction),
    imageMinimumGCAge: goDuration(imageGc.minAgeMs),
    imageMaximumGCAge: goDuration(imageGc.maxAgeMs),
    imageGCHighThresholdPercent: imageGc.highThresholdPercent,
    imageGCLowThresholdPercent: imageGc.lowThresholdPercent,
    containerLogMaxSize: formatQuantity(quantityOf(logs.maxSize, 'BinarySI')),
    containerLogMaxFiles: logs.maxFiles,
    podCIDR: podCidr,
    ...(facts.gates.size === 0
      ? {}
      : { featureGates: Object.fromEntries([...facts.gates].map((gate) => [gate, true])) }),
    resolvConf,
    ...(facts.allowedUnsafeSysctls.length === 0 ? {} : { allowedUnsafeSysctls: [...facts.allowedUnsafeSysctls] }),
    enableDebuggingHandlers: true,
    enableProfilingHandler: false,
    enableDebugFlagsHandler: false,
    enableSystemLogHandler: facts.systemLogs,
    enableSystemLogQuery: false,
    seccompDefault: false,
    podLogsDir: facts.podLogs,
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
  };
}
