// Where the kubelet keeps things on disk: one place that knows the layout, which is upstream's (pkg/kubelet/kubelet_getters.go).

const podsDir = (root: string): string => `${root}/pods`;
const podDir = (root: string, uid: string): string => `${podsDir(root)}/${uid}`;

const memoryDir = (root: string): string => `${podsDir(root)}/.memory`;
/** A volume below its pod's folder. */
const volumeInPod = (plugin: string, volume: string): string => `volumes/kubernetes.io~${plugin}/${volume}`;
/** Kinds that may lie on the disk; others can hold secrets. */
const onDisk: ReadonlySet<string> = new Set(['empty-dir', 'configmap']);

/** Paths under a kubelet's root. Names come validated from the API (UIDs, DNS labels), never with a slash. */
export const podPaths = {
  pods: podsDir,
  pod: podDir,
  etcHosts: (root: string, uid: string): string => `${podDir(root, uid)}/etc-hosts`,
  /** Which IDs of the machine the pod's own users are. */
  userNamespace: (root: string, uid: string): string => `${podDir(root, uid)}/userns`,
  containers: (root: string, uid: string): string => `${podDir(root, uid)}/containers`,
  container: (root: string, uid: string, container: string): string => `${podDir(root, uid)}/containers/${container}`,
  /** `plugin` as in `empty-dir`, `configmap`: the folder escapes the plugin name's slash by a tilde. What may hold secrets is in memory. */
  volume: (root: string, uid: string, plugin: string, volume: string): string =>
    `${onDisk.has(plugin) ? podDir(root, uid) : `${memoryDir(root)}/${uid}`}/${volumeInPod(plugin, volume)}`,
  /** Below it a folder per image volume, and in that one per image. */
  imageVolumes: (root: string, uid: string): string => `${podDir(root, uid)}/volumes/kubernetes.io~image`,
  /** One tmpfs for what must not reach a disk, laid out as `pods` is. No UID begins with a dot. */
  memory: memoryDir,
  inMemory: (root: string, uid: string): string => `${memoryDir(root)}/${uid}`,
  /** There once an emptyDir has its owner and mode. */
  emptyDirReady: (root: string, uid: string, volume: string): string =>
    `${podDir(root, uid)}/plugins/kubernetes.io~empty-dir/${volume}/ready`,
  /** There once a local volume has been given to the pod's fsGroup. */
  localVolumeReady: (root: string, uid: string, volume: string): string =>
    `${podDir(root, uid)}/plugins/kubernetes.io~local-volume/${volume}/ready`,
  /** Where a subPath of a volume is bind-mounted for one mount of one container. */
  subPath: (root: string, uid: string, volume: string, container: string, mountIndex: number): string =>
    `${podDir(root, uid)}/volume-subpaths/${volume}/${container}/${mountIndex}`,
  subPaths: (root: string, uid: string): string => `${podDir(root, uid)}/volume-subpaths`,
  seccomp: (root: string): string => `${root}/seccomp`,
};

/** The folder of a pod's container logs: `<podLogs>/<namespace>_<name>_<uid>`. */
export function podLogDirectory(podLogs: string, pod: { namespace: string; name: string; uid: string }): string {
  return `${podLogs}/${pod.namespace}_${pod.name}_${pod.uid}`;
}

/** The UID in the name of such a folder; undefined for any other name. */
export function uidOfLogDirectory(name: string): string | undefined {
  return /^[^_]+_[^_]+_([^_]+)$/.exec(name)?.[1];
}

/** Throws where a UID could lead out of the pods folder. API UIDs never do; a folder name is built from it, so it is checked. */
export function assertSafeUid(uid: string): void {
  if (!/^[0-9A-Za-z][0-9A-Za-z._-]{0,252}$/.test(uid)) throw new Error(`invalid pod UID ${JSON.stringify(uid)}`);
}
