// The checks that the restricted policy adds. Each follows check_<id>.go in k8s.io/pod-security-admission/policy of v1.36.

import type { PodSpec, Volume } from '../generated/types.ts';
import { badSeccomp, procMount, withoutSeccomp } from './baseline.ts';
import {
  type AnyContainer,
  butOwnUsers,
  butWindows,
  type Check,
  checkOf,
  containersOf,
  containersText,
  distinct,
  type Finding,
  namesWhere,
  plural,
  quoted,
  settersText,
} from './check.ts';

function allowPrivilegeEscalation(spec: PodSpec): Finding | undefined {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities(spec: PodSpec): Finding | undefined {
  const unusual = ({ securityContext }: AnyContainer): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(spec, ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'));
  const adding = namesWhere(spec, (container) => unusual(container).length > 0);
  const details: string[] = [];
  if (keeping.length > 0) details.push(`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adding.length > 0) {
    const added = quoted(distinct(containersOf(spec).flatMap(unusual)));
    details.push(`${containersText(adding)} must not include ${added} in securityContext.capabilities.add`);
  }
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const satisfies readonly (keyof Volume)[];

const knownVolumes = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
] as const satisfies readonly (keyof Volume)[];

function restrictedVolumes(spec: PodSpec): Finding | undefined {
  const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.some((type) => volume[type]));
  if (bad.length === 0) return undefined;
  const types = distinct(bad.map((volume) => knownVolumes.find((type) => volume[type]) ?? 'unknown'));
  const reason = 'restricted volume types';
  const names = quoted(bad.map(({ name }) => name));
  const what = plural('restricted volume type', reason, types);
  return {
    reason,
    detail: `${plural('volume', 'volumes', bad)} ${names} ${plural('uses', 'use', bad)} ${what} ${quoted(types)}`,
  };
}

function runAsNonRoot(spec: PodSpec): Finding | undefined {
  const reason = 'runAsNonRoot != true';
  const valueOf = ({ securityContext }: AnyContainer | PodSpec) => securityContext?.runAsNonRoot;
  const refusing = namesWhere(spec, (container) => valueOf(container) === false);
  if (valueOf(spec) === false || refusing.length > 0) {
    const setters = settersText(valueOf(spec) === false, refusing);
    return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  }
  const silent = valueOf(spec) ? [] : namesWhere(spec, (container) => valueOf(container) === undefined);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true` };
}

function runAsUser(spec: PodSpec): Finding | undefined {
  const isRoot = ({ securityContext }: AnyContainer | PodSpec): boolean => securityContext?.runAsUser === 0;
  const names = namesWhere(spec, isRoot);
  if (!isRoot(spec) && names.length === 0) return undefined;
  return { reason: 'runAsUser=0', detail: `${settersText(isRoot(spec), names)} must not set runAsUser=0` };
}

function seccompProfile(spec: PodSpec): Finding | undefined {
  const bad = badSeccomp(spec);
  const names = withoutSeccomp(spec);
  if (bad || names.length === 0) return bad;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containersText(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}

/** In the order in which findings are told. */
export const restrictedChecks: readonly Check[] = [
  checkOf(
    'restricted',
    'allowPrivilegeEscalation',
    [8, allowPrivilegeEscalation],
    [25, butWindows(allowPrivilegeEscalation)],
  ),
  {
    ...checkOf('restricted', 'capabilities_restricted', [22, capabilities], [25, butWindows(capabilities)]),
    overrides: 'capabilities_baseline',
  },
  { ...checkOf('restricted', 'procMount_restricted', [35, procMount]), overrides: 'procMount' },
  { ...checkOf('restricted', 'restrictedVolumes', [0, restrictedVolumes]), overrides: 'hostPathVolumes' },
  checkOf('restricted', 'runAsNonRoot', [0, runAsNonRoot], [35, butOwnUsers(runAsNonRoot)]),
  checkOf('restricted', 'runAsUser', [23, runAsUser], [35, butOwnUsers(runAsUser)]),
  {
    ...checkOf('restricted', 'seccompProfile_restricted', [19, seccompProfile], [25, butWindows(seccompProfile)]),
    overrides: 'seccompProfile_baseline',
  },
];
