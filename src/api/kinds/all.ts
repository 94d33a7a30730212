// Every kind that the API server serves.

import type { AnyKind } from '../scheme.ts';
import { loadSchema } from '../schema/load.ts';
import { fillNullFields, fillUnsetFields } from '../schema/unset-fields.ts';
import {
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
} from './admissionregistration/policies.ts';
import {
  mutatingWebhookConfigurationKind,
  validatingWebhookConfigurationKind,
} from './admissionregistration/webhook-configurations.ts';
import { apiServiceKind } from './apiservice/definition.ts';
import { bindingKind } from './binding/definition.ts';
import { certificateSigningRequestKind } from './certificatesigningrequest/definition.ts';
import { alphaClusterTrustBundleKind, clusterTrustBundleKind } from './clustertrustbundle/definition.ts';
import { componentStatusKind } from './componentstatus/definition.ts';
import { configMapKind } from './configmap/definition.ts';
import { controllerRevisionKind } from './controllerrevision/definition.ts';
import { csiDriverKind } from './csidriver/definition.ts';
import { csiNodeKind } from './csinode/definition.ts';
import { csiStorageCapacityKind } from './csistoragecapacity/definition.ts';
import { customResourceDefinitionKind } from './customresourcedefinition/definition.ts';
import { deviceClassKind } from './deviceclass/definition.ts';
import { eventKind, eventsV1EventKind } from './event/definition.ts';
import { flowSchemaKind } from './flowschema/definition.ts';
import { ingressKind } from './ingress/definition.ts';
import { ingressClassKind } from './ingressclass/definition.ts';
import { ipAddressKind } from './ipaddress/definition.ts';
import { leaseKind } from './lease/definition.ts';
import { limitRangeKind } from './limitrange/definition.ts';
import { namespaceKind } from './namespace/definition.ts';
import { networkPolicyKind } from './networkpolicy/definition.ts';
import { nodeKind } from './node/definition.ts';
import { persistentVolumeKind } from './persistentvolume/definition.ts';
import { persistentVolumeClaimKind } from './persistentvolumeclaim/definition.ts';
import { podDisruptionBudgetKind } from './poddisruptionbudget/definition.ts';
import { podKind } from './pod/definition.ts';
import { podPresetKind } from './podpreset/definition.ts';
import { podTemplateKind } from './podtemplate/definition.ts';
import { priorityClassKind } from './priorityclass/definition.ts';
import { priorityLevelConfigurationKind } from './prioritylevelconfiguration/definition.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from './rbac/definition.ts';
import { resourceClaimKind } from './resourceclaim/definition.ts';
import { resourceClaimTemplateKind } from './resourceclaimtemplate/definition.ts';
import { resourceQuotaKind } from './resourcequota/definition.ts';
import { resourceSliceKind } from './resourceslice/definition.ts';
import { runtimeClassKind } from './runtimeclass/definition.ts';
import { secretKind } from './secret/definition.ts';
import { serviceKind } from './service/definition.ts';
import { serviceAccountKind } from './serviceaccount/definition.ts';
import { serviceCidrKind } from './servicecidr/definition.ts';
import { storageClassKind } from './storageclass/definition.ts';
import { volumeAttachmentKind } from './volumeattachment/definition.ts';
import { volumeAttributesClassKind } from './volumeattributesclass/definition.ts';

const kinds: readonly AnyKind[] = [
  apiServiceKind,
  bindingKind,
  componentStatusKind,
  certificateSigningRequestKind,
  clusterTrustBundleKind,
  alphaClusterTrustBundleKind,
  configMapKind,
  eventKind,
  limitRangeKind,
  namespaceKind,
  nodeKind,
  persistentVolumeKind,
  persistentVolumeClaimKind,
  podKind,
  podTemplateKind,
  resourceQuotaKind,
  secretKind,
  serviceKind,
  serviceAccountKind,
  controllerRevisionKind,
  leaseKind,
  eventsV1EventKind,
  flowSchemaKind,
  priorityLevelConfigurationKind,
  ingressClassKind,
  ingressKind,
  ipAddressKind,
  networkPolicyKind,
  serviceCidrKind,
  podDisruptionBudgetKind,
  clusterRoleBindingKind,
  clusterRoleKind,
  roleBindingKind,
  roleKind,
  deviceClassKind,
  resourceClaimKind,
  resourceClaimTemplateKind,
  resourceSliceKind,
  priorityClassKind,
  runtimeClassKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
  customResourceDefinitionKind,
  mutatingWebhookConfigurationKind,
  validatingWebhookConfigurationKind,
  validatingAdmissionPolicyKind,
  validatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  mutatingAdmissionPolicyBindingKind,
  podPresetKind,
];

/** The kind, with what Go's types hold for unset fields filled in: values before its own defaults, nulls last of all. */
function withUnsetFields(kind: AnyKind): AnyKind {
  return {
    ...kind,
    defaults(object) {
      fillUnsetFields(loadSchema(), kind.definition, object);
      kind.defaults?.(object);
    },
    complete: (object) => fillNullFields(loadSchema(), kind.definition, object),
  };
}

/** The kinds that share their objects' storage with this one. */
function sameObjects(kind: AnyKind): readonly AnyKind[] {
  const { group, resource } = kind.storage ?? kind;
  return allKinds.filter((other) => {
    const stored = other.storage ?? other;
    return other.resource === kind.resource && stored.group === group && stored.resource === resource;
  });
}

export const allKinds: readonly AnyKind[] = kinds.map((kind) => ({
  ...withUnsetFields(kind),
  versions: () => sameObjects(kind),
}));
