import { describe, expect, it } from 'vitest';
import { enabledGates } from './feature-gates.ts';

describe('enabledGates', () => {
  it.each([
    '',
    'InPlacePodVerticalScalingInitContainers=true',
    'SchedulerAsyncAPICalls=false',
    'SidecarContainers=true',
    'PodLevelResources=true, MemoryQoS=false',
    'EnvFiles=1',
    'AllAlpha=false',
  ])('takes %j', (list) => expect(() => enabledGates(list)).not.toThrow());

  it.each([
    ['Nonsense=true', 'unrecognized feature gate: Nonsense'],
    ['EnvFiles', 'missing bool value for EnvFiles'],
    ['EnvFiles=maybe', 'invalid value of EnvFiles=maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax'],
    ['SidecarContainers=false', 'cannot set feature gate SidecarContainers to false, feature is locked to true'],
    ['SeparateCacheWatchRPC=true', 'cannot set feature gate SeparateCacheWatchRPC to true, feature is locked to false'],
    [
      'InPlacePodVerticalScalingInitContainers=false',
      'feature gate InPlacePodVerticalScalingInitContainers=false is not built into Peapod',
    ],
    ['MutatingAdmissionPolicy=false', 'feature gate MutatingAdmissionPolicy=false is not built into Peapod'],
    ['MemoryQoS=true', 'feature gate MemoryQoS=true is not built into Peapod'],
    ['AllAlpha=true', 'feature gate AllAlpha=true is not built into Peapod'],
    ['EnvFiles=true,EnvFiles=false', 'feature gate EnvFiles=false is not built into Peapod'],
    [
      'ClusterTrustBundleProjection=true',
      'ClusterTrustBundleProjection is enabled, but depends on features that are disabled: [ClusterTrustBundle]',
    ],
    ['ClusterTrustBundle=perhaps', 'invalid value of ClusterTrustBundle=perhaps'],
  ])('refuses %j', (list, message) => expect(() => enabledGates(list)).toThrow(message));

  it.each([
    ['', []],
    ['SidecarContainers=true', []],
    ['ClusterTrustBundle=true', ['ClusterTrustBundle']],
    ['ClusterTrustBundle=true,ClusterTrustBundle=false', []],
    ['ClusterTrustBundleProjection=true, ClusterTrustBundle=1', ['ClusterTrustBundleProjection', 'ClusterTrustBundle']],
  ])('turns on with %j: %j', (list, gates) => expect([...enabledGates(list)]).toEqual(gates));
});
