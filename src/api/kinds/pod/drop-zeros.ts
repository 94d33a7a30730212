// Drops members of a PodSpec that hold a zero value which means the same as none, as upstream's types do when they are written.

// Here false, 0 and "" are values of their own.
const meaningful = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'defaultMode',
  'enableServiceLinks',
  'expirationSeconds',
  'fsGroup',
  'fsType',
  'hostProcess',
  'hostUsers',
  'hostnameOverride',
  'lun',
  'minDomains',
  'mode',
  'optional',
  'partition',
  'priority',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'runAsUserName',
  'runtimeClassName',
  'service',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'storageClassName',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
  'type',
  'volumeMode',
]);

// Required members are written even when empty, and their checks want to see them.
const required = new Set([
  'name',
  'key',
  'path',
  'image',
  'mountPath',
  'devicePath',
  'port',
  'containerPort',
  'operator',
  'topologyKey',
  'maxSkew',
  'weight',
  'conditionType',
]);

// Maps hold the user's own keys.
const maps = new Set([
  'nodeSelector',
  'matchLabels',
  'limits',
  'requests',
  'overhead',
  'volumeAttributes',
  'options',
  'userAnnotations',
  'labels',
  'annotations',
  'claims',
]);

// Types whose members are pointers throughout upstream.
const skipped = new Set(['dnsConfig', 'azureDisk', 'clusterTrustBundle', 'windowsOptions']);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Drops them in place. */
export function dropZeros(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) dropZeros(item);
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const zero = member === false || member === 0 || member === '' || member === null;
    if (zero && (member === null || !(meaningful.has(key) || required.has(key)))) delete value[key];
    else if (!maps.has(key) && !skipped.has(key)) dropZeros(member);
  }
}
