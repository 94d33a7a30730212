// The feature gates of v1.36 with their states, and what a --feature-gates list may say about them.
// Follows component-base featuregate/feature_gate.go; the states are those that kube-scheduler --help of v1.36 tells of (alpha and beta), and of
// pkg/features of apiserver and apiextensions-apiserver, features of client-go, v0.36.3. Of general and deprecated ones of others it may lack some.

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** On, and locked so. */
const stable = words(`
  APIServerTracing AggregatedDiscoveryRemoveBetaType AnonymousAuthConfigurableEndpoints AnyVolumeDataSource
  AuthorizeNodeWithSelectors AuthorizeWithSelectors BtreeWatchCache CPUManagerPolicyOptions CRDValidationRatcheting
  CSIServiceAccountTokenSecrets ConsistentListFromCache CronJobsScheduledAnnotation CustomResourceFieldSelectors
  DRAAdminAccess DRAPrioritizedList DeclarativeValidation DisableAllocatorDualWrite DynamicResourceAllocation
  ElasticIndexedJob ExecProbeTimeout ExternalServiceAccountTokenSigner ImageMaximumGCAge ImageVolume InOrderInformers
  InPlacePodVerticalScaling InformerResourceVersion JobBackoffLimitPerIndex JobManagedBy JobPodReplacementPolicy
  JobSuccessPolicy KubeletCgroupDriverFromCRI KubeletFineGrainedAuthz KubeletPSI KubeletPodResourcesDynamicResources
  KubeletPodResourcesGet KubeletTracing LogarithmicScaleDown MatchLabelKeysInPodAffinity MemoryManager
  MultiCIDRServiceAllocator MutableCSINodeAllocatableCount NFTablesProxyMode NodeInclusionPolicyInPodTopologySpread
  NodeLogQuery NodeSwap OrderedNamespaceDeletion PodIndexLabel PodLifecycleSleepAction PodLifecycleSleepActionAllowZero
  PodObservedGenerationTracking PodSchedulingReadiness PreferSameTrafficDistribution ProcMountType
  RecoverVolumeExpansionFailure RecursiveReadOnlyMounts RelaxedDNSSearchValidation RelaxedEnvironmentVariableValidation
  ResilientWatchCacheInitialization RetryGenerateName SELinuxChangePolicy SELinuxMountReadWriteOncePod SchedulerQueueingHints
  SeparateTaintEvictionController ServiceAccountTokenJTI ServiceAccountTokenNodeBinding
  ServiceAccountTokenNodeBindingValidation ServiceAccountTokenPodNodeInfo ServiceTrafficDistribution SidecarContainers
  StatefulSetAutoDeletePVC StatefulSetStartOrdinal StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf
  StrictCostEnforcementForVAP StrictCostEnforcementForWebhooks StructuredAuthenticationConfiguration
  StructuredAuthorizationConfiguration TopologyAwareHints TopologyManagerPolicyOptions UserNamespacesSupport
  VolumeAttributesClass WinDSR WinOverlay`);

/** On, and may be turned off upstream. */
const on = words(`
  APIResponseCompression APIServerIdentity AllowParsingUserUIDFromCertAuth AtomicFIFO
  AuthorizePodWebsocketUpgradeCreatePermission CPUManagerPolicyBetaOptions CRDObservedGenerationTracking
  ClearingNominatedNodeNameAfterBinding ClientsAllowCARotation ClientsAllowTLSCacheGC ComponentFlagz ComponentStatusz
  ConstrainedImpersonation ContainerCheckpoint ContainerRestartRules ContextualLogging DRAConsumableCapacity
  DRADeviceBindingConditions DRADeviceTaints DRAExtendedResource DRAPartitionableDevices DRAResourceClaimDeviceStatus
  DRAResourceClaimGranularStatusAuthorization DRASchedulerFilterTimeout DeclarativeValidationBeta
  DeploymentReplicaSetTerminatingReplicas DetectCacheInconsistency DisableCPUQuotaWithExclusiveCPUs
  DisableNodeKubeProxyVersion EnvFiles ExtendWebSocketsToKubelet GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority
  HPAConfigurableTolerance HostnameOverride InOrderInformersBatchProcess InPlacePodLevelResourcesVerticalScaling
  InPlacePodVerticalScalingInitContainers KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages KubeletSeparateDiskGC
  KubeletServiceAccountTokenForCredentialProviders ListFromCacheSnapshot LoggingBetaOptions MatchLabelKeysInPodTopologySpread
  MatchLabelKeysInPodTopologySpreadSelectorMerge MutablePodResourcesForSuspendedJobs
  MutableSchedulingDirectivesForSuspendedJobs MutatingAdmissionPolicy NodeDeclaredFeatures NominatedNodeNameForExpectation
  OpenAPIEnums OpportunisticBatching PLEGOnDemandRelist PodDeletionCost PodLevelResources PodReadyToStartContainersCondition
  PodTopologyLabelsAdmission PortForwardWebsockets PreventStaticPodAPIReferences RelaxedServiceNameValidation
  ReloadKubeletClientCAFile ReloadKubeletServerCertificateFile RemoteRequestHeaderUID ResourceHealthStatus
  ResourceHealthStatusMessage RestartAllContainersOnContainerExits RotateKubeletServerCertificate SchedulerAsyncPreemption
  SchedulerPopFromBackoffQ ServiceAccountNodeAudienceRestriction SizeBasedListCostEstimate StaleControllerConsistencyDaemonSet
  StaleControllerConsistencyJob StaleControllerConsistencyReplicaSet StaleControllerConsistencyStatefulSet
  StatefulSetSemanticRevisionComparison StorageNamespaceIndex StorageVersionHash StrictIPCIDRValidation
  StructuredAuthenticationConfigurationEgressSelector StructuredAuthenticationConfigurationJWKSMetrics
  SupplementalGroupsPolicy SystemdWatchdog TokenRequestServiceAccountUIDValidation TopologyManagerPolicyBetaOptions
  TranslateStreamCloseWebsocketRequests UnauthenticatedHTTP2DOSMitigation UnknownVersionInteroperabilityProxy
  UnlockWhileProcessingFIFO WatchCacheInitializationPostStartHook WatchList WatchListClient WindowsGracefulNodeShutdown`);

/** Off, and may be turned on upstream: alpha, beta that is off, deprecated. */
const off = words(`
  APIServingWithRoutine AllAlpha AllBeta AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests
  AllowUnsafeMalformedObjectDeletion CBORServingAndStorage CPUManagerPolicyAlphaOptions CRIListStreaming CSIVolumeHealth
  ChangeContainerStatusOnKubeletRestart ClientsAllowCBOR ClientsPreferCBOR
  CloudControllerManagerWatchBasedRoutesReconciliation CloudControllerManagerWebhook ClusterTrustBundle
  ClusterTrustBundleProjection ConcurrentWatchObjectDecode ContainerStopSignals
  ControllerManagerReleaseLeaderElectionLockOnExit CoordinatedLeaderElection CrossNamespaceVolumeDataSource
  CustomCPUCFSQuotaPeriod DRADeviceTaintRules DRAListTypeAttributes DRANodeAllocatableResources DRAResourcePoolStatus
  DRAWorkloadResourceClaims DeclarativeValidationTakeover EventedPLEG GangScheduling GenericWorkload GitRepoVolumeDriver
  HPAScaleToZero ImageVolumeWithDigest InPlacePodVerticalScalingAllocatedStatus InPlacePodVerticalScalingExclusiveCPUs
  InPlacePodVerticalScalingExclusiveMemory KMSv1 KubeletInUserNamespace LocalStorageCapacityIsolationFSQuotaMonitoring
  LoggingAlphaOptions ManifestBasedAdmissionControlConfig MaxUnavailableStatefulSet MemoryQoS MutablePVNodeAffinity
  NativeHistograms PersistentVolumeClaimUnusedSinceTime PodAndContainerStatsFromCRI PodCertificateRequest
  PodLevelResourceManagers PodLogsQuerySplitStreams PodsAPI QOSReserved ReduceDefaultCrashLoopBackOffDecay
  RuntimeClassInImageCriApi SELinuxMount SchedulerAsyncAPICalls ShardedListAndWatch StorageCapacityScoring StorageVersionAPI
  StorageVersionMigrator TaintTolerationComparisonOperators TopologyAwareWorkloadScheduling TopologyManagerPolicyAlphaOptions
  UserNamespacesHostNetworkSupport VolumeLimitScaling WindowsCPUAndMemoryAffinity WindowsHostNetwork WorkloadAwarePreemption
  WorkloadWithJob`);

/** Off, and locked so. */
const gone = words(`SeparateCacheWatchRPC`);

interface Gate {
  enabled: boolean;
  locked: boolean;
}

const gates: ReadonlyMap<string, Gate> = new Map<string, Gate>([
  ...stable.map((name) => [name, { enabled: true, locked: true }] as const),
  ...on.map((name) => [name, { enabled: true, locked: false }] as const),
  ...off.map((name) => [name, { enabled: false, locked: false }] as const),
  ...gone.map((name) => [name, { enabled: false, locked: true }] as const),
]);

/** As strconv.ParseBool; undefined for anything else. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined;
}

/** Gates that are off by default and that are built both ways. */
const switchable = ['ClusterTrustBundle', 'ClusterTrustBundleProjection'] as const;
export type SwitchableGate = (typeof switchable)[number];

/** Those of them that are on. */
export type EnabledGates = ReadonlySet<SwitchableGate>;

/** As v1.36 is without --feature-gates. */
export const noGates: EnabledGates = new Set();

/** What a gate needs beside itself. */
const dependencies: Readonly<Partial<Record<SwitchableGate, readonly SwitchableGate[]>>> = {
  ClusterTrustBundleProjection: ['ClusterTrustBundle'],
};

const isSwitchable = (name: string): name is SwitchableGate => switchable.some((known) => known === name);

/** What the list says of each gate that it names; the last word counts. Throws an Error on what is no gate or no value. */
function parse(list: string): Map<string, boolean> {
  const said = new Map<string, boolean>();
  for (const item of list.split(',').map((one) => one.trim())) {
    if (item === '') continue;
    const [name = '', text] = item.split('=', 2).map((part) => part.trim());
    if (text === undefined) throw new Error(`missing bool value for ${name}`);
    const wanted = parseBool(text);
    if (wanted === undefined) {
      throw new Error(
        `invalid value of ${name}=${text}, err: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
    }
    if (!gates.has(name)) throw new Error(`unrecognized feature gate: ${name}`);
    said.set(name, wanted);
  }
  return said;
}

/**
 * The switchable gates that a --feature-gates list ("Gate=true,Other=false") turns on. Of all others, what is asked for is what
 * v1.36 does by default, or it is an Error.
 */
export function enabledGates(list: string): EnabledGates {
  const on = new Set<SwitchableGate>();
  for (const [name, wanted] of parse(list)) {
    const gate = gates.get(name);
    if (gate === undefined || gate.enabled === wanted) continue;
    if (gate.locked)
      throw new Error(`cannot set feature gate ${name} to ${wanted}, feature is locked to ${gate.enabled}`);
    if (!isSwitchable(name))
      throw new Error(`feature gate ${name}=${wanted} is not built into Peapod, which does as v1.36 does by default`);
    on.add(name);
  }
  for (const name of on) {
    const lacking = (dependencies[name] ?? []).filter((other) => !on.has(other));
    if (lacking.length > 0)
      throw new Error(`${name} is enabled, but depends on features that are disabled: [${lacking.join(' ')}]`);
  }
  return on;
}
