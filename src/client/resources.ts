// The resources that components name in client calls, each with the type of its objects.

import type {
  CertificateSigningRequest,
  ClusterRole,
  ConfigMap,
  Event,
  IPAddress,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PriorityClass,
  ResourceQuota,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  ServiceCIDR,
  StorageClass,
  SubjectAccessReview,
  TokenReview,
  V1beta1ClusterTrustBundle,
  ValidatingAdmissionPolicy,
  VolumeAttributesClass,
} from '../api/generated/types.ts';
import { apiVersionOf, type KubeObject } from '../api/meta/types.ts';
import type { ObjectName, Resource } from './client.ts';

function resource<T extends KubeObject>(
  group: string,
  version: string,
  name: string,
  kind: string,
  namespaced: boolean,
): Resource<T> {
  return Object.freeze({ group, version, resource: name, kind, namespaced });
}

export const pods = resource<Pod>('', 'v1', 'pods', 'Pod', true);
export const nodes = resource<Node>('', 'v1', 'nodes', 'Node', false);
export const persistentVolumes = resource<PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume', false);
export const persistentVolumeClaims = resource<PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
  true,
);
export const storageClasses = resource<StorageClass>('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', false);
export const volumeAttributesClasses = resource<VolumeAttributesClass>(
  'storage.k8s.io',
  'v1',
  'volumeattributesclasses',
  'VolumeAttributesClass',
  false,
);
export const namespaces = resource<Namespace>('', 'v1', 'namespaces', 'Namespace', false);
const trustBundlesIn = (version: string) =>
  resource<V1beta1ClusterTrustBundle>(
    'certificates.k8s.io',
    version,
    'clustertrustbundles',
    'ClusterTrustBundle',
    false,
  );
/** In each version that there may be, the newest first; their objects have the same fields. */
export const clusterTrustBundles = ['v1beta1', 'v1alpha1'].map(trustBundlesIn);
export const configMaps = resource<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap', true);
export const resourceQuotas = resource<ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota', true);
export const secrets = resource<Secret>('', 'v1', 'secrets', 'Secret', true);
export const serviceAccounts = resource<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount', true);
/** Of the core group, as components write them. */
export const events = resource<Event>('', 'v1', 'events', 'Event', true);
export const clusterRoles = resource<ClusterRole>(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterroles',
  'ClusterRole',
  false,
);
export const certificateSigningRequests = resource<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  false,
);
export const tokenReviews = resource<TokenReview>('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', false);
export const subjectAccessReviews = resource<SubjectAccessReview>(
  'authorization.k8s.io',
  'v1',
  'subjectaccessreviews',
  'SubjectAccessReview',
  false,
);
export const priorityClasses = resource<PriorityClass>(
  'scheduling.k8s.io',
  'v1',
  'priorityclasses',
  'PriorityClass',
  false,
);
export const validatingAdmissionPolicies = resource<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
  false,
);
export const runtimeClasses = resource<RuntimeClass>('node.k8s.io', 'v1', 'runtimeclasses', 'RuntimeClass', false);
export const services = resource<Service>('', 'v1', 'services', 'Service', true);
export const serviceCidrs = resource<ServiceCIDR>('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR', false);
export const ipAddresses = resource<IPAddress>('networking.k8s.io', 'v1', 'ipaddresses', 'IPAddress', false);
export const podDisruptionBudgets = resource<PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
  true,
);
export const leases = resource<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease', true);

/** A name as a path segment. Colons stay readable, as in system:node. */
const segment = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');

/** The URL path of a resource, or of one object of it, or of a subresource; without a namespace, of all namespaces. */
export function resourcePath(of: Resource<KubeObject>, name: Partial<ObjectName>, subresource?: string): string {
  const root = of.group === '' ? `/api/${of.version}` : `/apis/${apiVersionOf(of)}`;
  const scope = of.namespaced && name.namespace !== undefined ? `/namespaces/${segment(name.namespace)}` : '';
  const object = name.name === undefined ? '' : `/${segment(name.name)}`;
  const rest = subresource === undefined ? '' : `/${subresource}`;
  return `${root}${scope}/${of.resource}${object}${rest}`;
}
