// The names of kube-apiserver's admission plugins in the order they run, and which of them run.
// Follows pkg/kubeapiserver/options/plugins.go and apiserver pkg/server/options/admission.go of v1.36.

/** Every plugin that upstream knows, in the order they run, and PodPreset in its place of v1.19, the last that had it. */
export const pluginOrder = [
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'PodPreset',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'ImagePolicyWebhook',
  'PodSecurity',
  'PodNodeSelector',
  'Priority',
  'DefaultTolerationSeconds',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PodGroupProtection',
  'OwnerReferencesPermissionEnforcement',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'PodGroupWorkloadExists',
  'NodeDeclaredFeatureValidator',
  'JobValidation',
  'PodResizeValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
  'AlwaysDeny',
] as const;

export type PluginName = (typeof pluginOrder)[number];

/** Off unless named; all others are on. NodeRestriction is on here, as every installer turns it on. */
const defaultOff: ReadonlySet<PluginName> = new Set([
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'PodPreset',
  'AlwaysPullImages',
  'ImagePolicyWebhook',
  'PodNodeSelector',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'OwnerReferencesPermissionEnforcement',
  'DenyServiceExternalIPs',
  'AlwaysDeny',
]);

const isPlugin = (name: string): name is PluginName => pluginOrder.some((known) => known === name);

/** Of the plugins that are built, those that are on where nothing else is said. */
export const defaultPlugins = (built: ReadonlySet<PluginName>): ReadonlySet<PluginName> =>
  new Set(pluginOrder.filter((name) => built.has(name) && !defaultOff.has(name)));

/**
 * Of the plugins that are built, those that run with these lists of --enable-admission-plugins and --disable-admission-plugins.
 * Throws an Error on a name that is unknown, in both lists, or upstream's but not built.
 */
export function choosePlugins(
  built: ReadonlySet<PluginName>,
  enable: readonly string[],
  disable: readonly string[],
): ReadonlySet<PluginName> {
  const known = (flag: string, names: readonly string[]): PluginName[] =>
    names.map((name) => {
      if (isPlugin(name)) return name;
      throw new Error(`${flag} plugin ${JSON.stringify(name)} is unknown`);
    });
  const on = known('enable-admission-plugins', enable);
  const off = new Set(known('disable-admission-plugins', disable));
  const both = [...new Set(on.filter((name) => off.has(name)))].toSorted();
  if (both.length > 0)
    throw new Error(`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  const missing = on.find((name) => !built.has(name));
  if (missing !== undefined)
    throw new Error(`enable-admission-plugins plugin ${JSON.stringify(missing)} is not built into Peapod`);
  const byDefault = defaultPlugins(built);
  return new Set(pluginOrder.filter((name) => on.includes(name) || (byDefault.has(name) && !off.has(name))));
}
