// Shows objects in messages as upstream's internal types print: every field under its Go name, in Go's order.
// Those types carry no JSON names, so that is what a rejected value or a spec difference looks like to users.

import type { EphemeralContainer, PodSpec } from '../generated/types.ts';

type FieldTable = readonly string[];

/** Of app and init containers; ephemeral ones have them all and one more. */
const containerFields: FieldTable = [
  'name=',
  'image=',
  'command',
  'args',
  'workingDir=',
  'ports:Port',
  'envFrom',
  'env:Env',
  'resources!Resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'volumeMounts:Mount',
  'volumeDevices',
  'livenessProbe:Probe',
  'readinessProbe:Probe',
  'startupProbe:Probe',
  'lifecycle',
  'terminationMessagePath=',
  'terminationMessagePolicy=',
  'imagePullPolicy=',
  'securityContext:SecurityContext',
  'stdin?',
  'stdinOnce?',
  'tty?',
];

/** Field names in order, by type; `name:Type` nests, `[]` marks lists that print null when empty, `!` a plain struct. */
const tables: Record<string, FieldTable> = {
  SecurityContext: [
    'capabilities:Capabilities',
    'privileged',
    'seLinuxOptions:SELinuxOptions',
    'windowsOptions:WindowsOptions',
    'runAsUser',
    'runAsGroup',
    'runAsNonRoot',
    'readOnlyRootFilesystem',
    'allowPrivilegeEscalation',
    'procMount',
    'seccompProfile:SeccompProfile',
    'appArmorProfile:SeccompProfile',
  ],
  Capabilities: ['add', 'drop'],
  SELinuxOptions: ['user=', 'role=', 'type=', 'level='],
  SeccompProfile: ['type', 'localhostProfile'],
  WindowsOptions: ['gmsaCredentialSpecName', 'gmsaCredentialSpec', 'runAsUserName', 'hostProcess'],
  PodSpec: [
    'volumes:Volume',
    'initContainers:Container',
    'containers:Container',
    'ephemeralContainers:EphemeralContainer',
    'restartPolicy=',
    'terminationGracePeriodSeconds',
    'activeDeadlineSeconds',
    'dnsPolicy=',
    'nodeSelector',
    'serviceAccountName=',
    'automountServiceAccountToken',
    'nodeName=',
    'securityContext:PodSecurityContext',
    'imagePullSecrets:Reference',
    'hostname=',
    'subdomain=',
    'setHostnameAsFQDN',
    'affinity:Affinity',
    'schedulerName=',
    'tolerations:Toleration',
    'hostAliases:HostAlias',
    'priorityClassName=',
    'priority',
    'preemptionPolicy',
    'dnsConfig',
    'readinessGates',
    'runtimeClassName',
    'overhead',
    'enableServiceLinks',
    'topologySpreadConstraints',
    'os',
    'schedulingGates:Reference',
    'resourceClaims',
    'resources:Resources',
    'hostnameOverride',
    'schedulingGroup',
  ],
  PodSecurityContext: [
    'hostNetwork?',
    'hostPID?',
    'hostIPC?',
    'shareProcessNamespace',
    'hostUsers',
    'seLinuxOptions:SELinuxOptions',
    'windowsOptions:WindowsOptions',
    'runAsUser',
    'runAsGroup',
    'runAsNonRoot',
    'supplementalGroups',
    'supplementalGroupsPolicy',
    'fsGroup',
    'fsGroupChangePolicy',
    'sysctls',
    'seccompProfile:SeccompProfile',
    'appArmorProfile:SeccompProfile',
    'seLinuxChangePolicy',
  ],
  Container: containerFields,
  EphemeralContainer: [...containerFields, 'targetContainerName='],
  Resources: ['limits', 'requests', 'claims'],
  Port: ['name=', 'hostPort#', 'containerPort#', 'protocol=', 'hostIP='],
  Env: ['name=', 'value=', 'valueFrom:ValueFrom'],
  ValueFrom: ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'],
  Mount: ['name=', 'readOnly?', 'recursiveReadOnly', 'mountPath=', 'subPath=', 'mountPropagation', 'subPathExpr='],
  Probe: [
    'exec',
    'httpGet',
    'tcpSocket',
    'grpc',
    'initialDelaySeconds#',
    'timeoutSeconds#',
    'periodSeconds#',
    'successThreshold#',
    'failureThreshold#',
    'terminationGracePeriodSeconds',
  ],
  Toleration: ['key=', 'operator=', 'value=', 'effect=', 'tolerationSeconds'],
  Taint: ['key=', 'value=', 'effect=', 'timeAdded'],
  NodeAddress: ['type=', 'address='],
  CSINodeDriver: ['name=', 'nodeID=', 'topologyKeys', 'allocatable'],
  VolumeAttachmentSpec: ['attacher=', 'source!VolumeAttachmentSource', 'nodeName='],
  VolumeAttachmentSource: ['persistentVolumeName', 'inlineVolumeSpec'],
  PersistentVolumeClaimSpec: [
    'accessModes',
    'selector',
    'resources!VolumeResources',
    'volumeName=',
    'storageClassName',
    'volumeMode',
    'dataSource:TypedLocalReference',
    'dataSourceRef:TypedReference',
    'volumeAttributesClassName',
  ],
  VolumeResources: ['limits', 'requests'],
  TypedLocalReference: ['apiGroup', 'kind=', 'name='],
  TypedReference: ['apiGroup', 'kind=', 'name=', 'namespace'],
  PersistentVolumeSource: [
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'hostPath:HostPath',
    'glusterfs',
    'nfs:Nfs',
    'rbd',
    'quobyte',
    'iscsi',
    'flexVolume',
    'cinder',
    'cephfs',
    'fc',
    'flocker',
    'azureFile',
    'vsphereVolume',
    'azureDisk',
    'photonPersistentDisk',
    'portworxVolume',
    'scaleIO',
    'local:Local',
    'storageos',
    'csi:CsiVolume',
  ],
  HostPath: ['path=', 'type'],
  Nfs: ['server=', 'path=', 'readOnly?'],
  Local: ['path=', 'fsType'],
  CsiVolume: [
    'driver=',
    'volumeHandle=',
    'readOnly?',
    'fsType=',
    'volumeAttributes',
    'controllerPublishSecretRef',
    'nodeStageSecretRef',
    'nodePublishSecretRef',
    'controllerExpandSecretRef',
    'nodeExpandSecretRef',
  ],
  VolumeNodeAffinity: ['required:NodeSelector'],
  NodeSelector: ['nodeSelectorTerms:NodeSelectorTerm'],
  NodeSelectorTerm: ['matchExpressions:NodeRequirement', 'matchFields:NodeRequirement'],
  NodeRequirement: ['key=', 'operator=', 'values'],
  ObjectReference: ['kind=', 'namespace=', 'name=', 'uid=', 'apiVersion=', 'resourceVersion=', 'fieldPath='],
  ResourceClaimTemplateSpec: ['spec!ResourceClaimSpec'],
  ResourceClaimSpec: ['devices!DeviceClaim'],
  DeviceClaim: ['requests:DeviceRequest', 'constraints:DeviceConstraint', 'config'],
  DeviceRequest: ['name=', 'exactly:ExactDeviceRequest', 'firstAvailable:DeviceSubRequest'],
  ExactDeviceRequest: [
    'deviceClassName=',
    'selectors:DeviceSelector',
    'allocationMode=',
    'count#',
    'adminAccess',
    'tolerations:DeviceToleration',
    'capacity',
  ],
  DeviceSubRequest: [
    'name=',
    'deviceClassName=',
    'selectors:DeviceSelector',
    'allocationMode=',
    'count#',
    'tolerations:DeviceToleration',
    'capacity',
  ],
  DeviceSelector: ['cel'],
  DeviceToleration: ['key=', 'operator=', 'value=', 'effect=', 'tolerationSeconds'],
  DeviceConstraint: ['requests', 'matchAttribute', 'distinctAttribute'],
  ParentReference: ['group=', 'resource=', 'namespace=', 'name='],
  HostAlias: ['ip=', 'hostnames'],
  Reference: ['name='],
  Affinity: ['nodeAffinity', 'podAffinity', 'podAntiAffinity'],
  Volume: [
    'name=',
    'hostPath',
    'emptyDir',
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'gitRepo',
    'secret',
    'nfs',
    'iscsi',
    'glusterfs',
    'persistentVolumeClaim',
    'rbd',
    'quobyte',
    'flexVolume',
    'cinder',
    'cephfs',
    'flocker',
    'downwardAPI',
    'fc',
    'azureFile',
    'configMap',
    'vsphereVolume',
    'azureDisk',
    'photonPersistentDisk',
    'projected',
    'portworxVolume',
    'scaleIO',
    'storageos',
    'csi',
    'ephemeral',
    'image',
  ],
};

// Go writes initialisms in capitals.
const goNames: Record<string, string> = {
  dnsPolicy: 'DNSPolicy',
  dnsConfig: 'DNSConfig',
  os: 'OS',
  tty: 'TTY',
  ip: 'IP',
  uid: 'UID',
  cel: 'CEL',
  httpGet: 'HTTPGet',
  grpc: 'GRPC',
  gcePersistentDisk: 'GCEPersistentDisk',
  awsElasticBlockStore: 'AWSElasticBlockStore',
  nfs: 'NFS',
  iscsi: 'ISCSI',
  rbd: 'RBD',
  cephfs: 'CephFS',
  fc: 'FC',
  csi: 'CSI',
  storageos: 'StorageOS',
  gmsaCredentialSpecName: 'GMSACredentialSpecName',
  gmsaCredentialSpec: 'GMSACredentialSpec',
  seLinuxOptions: 'SELinuxOptions',
  seLinuxChangePolicy: 'SELinuxChangePolicy',
  fsGroup: 'FSGroup',
  fsGroupChangePolicy: 'FSGroupChangePolicy',
  apiVersion: 'APIVersion',
  httpHeaders: 'HTTPHeaders',
  fsType: 'FSType',
  apiGroup: 'APIGroup',
};

const goName = (name: string): string => goNames[name] ?? name.charAt(0).toUpperCase() + name.slice(1);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// Maps keep the user's keys, and label selectors have the same names in every form.
const maps = new Set([
  'selector',
  'nodeSelector',
  'matchLabels',
  'limits',
  'requests',
  'overhead',
  'options',
  'volumeAttributes',
]);

/** Types without a table of their own: the fields that are there, under their Go names. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [goName(key), maps.has(key) ? member : plain(member)]),
  );
}

const zeros: Record<string, unknown> = { '=': '', '?': false, '#': 0 };

/** The object as upstream's internal type of that name would be marshalled. */
export function internalForm(type: string, value: object): unknown {
  const table = tables[type];
  if (!table) return plain(value);
  const members = new Map(Object.entries(value));
  return Object.fromEntries(
    table.map((entry) => {
      const match = /^(\w+)(?:([:!])(\w+)|([=?#]))?$/.exec(entry);
      const [, name = '', kind, nested, zero] = match ?? [];
      const member: unknown = members.get(name);
      if (zero) return [goName(name), member ?? zeros[zero]];
      if (member === undefined || member === null) {
        return [goName(name), kind === '!' && nested ? internalForm(nested, {}) : null];
      }
      if (!nested) return [goName(name), maps.has(name) ? member : plain(member)];
      if (Array.isArray(member))
        return [goName(name), member.map((one) => (isRecord(one) ? internalForm(nested, one) : one))];
      return [goName(name), isRecord(member) ? internalForm(nested, member) : member];
    }),
  );
}

// The internal security context also holds what the API has beside it.
const movedFields = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'] as const;

/** A PodSpec as text, a member a line: what differences are made of. */
export function podSpecText(spec: PodSpec): string {
  const securityContext: Record<string, unknown> = { ...spec.securityContext };
  for (const field of movedFields) if (spec[field] !== undefined) securityContext[field] = spec[field];
  return goText(internalForm('PodSpec', { ...spec, securityContext }));
}

/** An ephemeral container as text likewise. */
export const ephemeralContainerText = (container: EphemeralContainer): string =>
  goText(internalForm('EphemeralContainer', container));

/** An object of that internal type as text likewise. */
export const internalText = (type: string, value: object): string => goText(internalForm(type, value));

/** Indented JSON with Go's escapes. */
function goText(value: unknown): string {
  const text = JSON.stringify(value, null, 1);
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
