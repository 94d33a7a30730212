import { expect, test } from 'vitest';
import { noGates } from '../../api/feature-gates.ts';
import { parseEvictionConfig } from '../eviction/thresholds.ts';
import { defaultImageGcPolicy } from '../garbage/decide-image-gc.ts';
import { defaultLogRotatePolicy } from '../logs/log-rotator.ts';
import { defaultReservations } from '../node-status/node-allocatable.ts';
import { type ConfigurationFacts, kubeletConfiguration } from './configuration.ts';

const facts: ConfigurationFacts = {
  address: '192.0.2.1',
  port: 10_250,
  podCidr: '10.42.0.0/24',
  reservations: defaultReservations,
  clusterDns: [],
  clusterDomain: 'cluster.local',
  resolvConf: '/etc/resolv.conf',
  allowedUnsafeSysctls: [],
  systemLogs: false,
  gates: noGates,
  podLogs: '/logs',
  upkeep: { eviction: parseEvictionConfig({}), imageGc: defaultImageGcPolicy, logs: defaultLogRotatePolicy },
};

test('what nobody asked to be otherwise', () => {
  const shown = kubeletConfiguration(facts);
  expect(shown).toMatchObject({
    address: '192.0.2.1',
    port: 10_250,
    authorization: { webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    nodeStatusUpdateFrequency: '10s',
    nodeLeaseDurationSeconds: 40,
    maxPods: 110,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '10%',
      'nodefs.inodesFree': '5%',
      'imagefs.available': '15%',
      'imagefs.inodesFree': '5%',
    },
    evictionPressureTransitionPeriod: '5m0s',
    imageMinimumGCAge: '2m0s',
    imageGCHighThresholdPercent: 85,
    containerLogMaxSize: '10Mi',
    enableSystemLogHandler: false,
  });
  for (const field of ['evictionSoft', 'staticPodPath', 'clusterDNS', 'cgroupRoot', 'allowedUnsafeSysctls'])
    expect(shown).not.toHaveProperty(field);
});

test('what was asked for', () => {
  const eviction = parseEvictionConfig({
    evictionHard: 'memory.available<7.5%',
    evictionSoft: 'nodefs.available<1Gi',
    evictionSoftGracePeriod: 'nodefs.available=90s',
    evictionMaxPodGracePeriod: 20,
  });
  const asked = {
    ...facts,
    upkeep: { ...facts.upkeep, eviction },
    cgroupRoot: '/x',
    manifests: '/m',
    clusterDns: ['10.43.0.10'],
  };
  expect(
    kubeletConfiguration({
      ...asked,
      allowedUnsafeSysctls: ['net.*'],
      systemLogs: true,
      gates: new Set(['ClusterTrustBundle']),
    }),
  ).toMatchObject({
    evictionHard: { 'memory.available': '7.5%' },
    evictionSoft: { 'nodefs.available': '1Gi' },
    evictionSoftGracePeriod: { 'nodefs.available': '1m30s' },
    evictionMaxPodGracePeriod: 20,
    staticPodPath: '/m',
    cgroupRoot: '/x',
    cgroupDriver: 'cgroupfs',
    clusterDNS: ['10.43.0.10'],
    allowedUnsafeSysctls: ['net.*'],
    enableSystemLogHandler: true,
  });
});
