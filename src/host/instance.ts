// An instance's names on the machine, all derived from its data folder, so that two Peapods on one machine never meet.

import { createHash } from 'node:crypto';

/** Everything of one instance that is visible outside its data folder. */
export interface Instance {
  /** 8 hex digits hashed from the data folder's real path. */
  id: string;
  dataDir: string;
  /** At most 15 characters, as network interfaces want. */
  bridge: string;
  /** Below each cgroup hierarchy: '/peapod-<id>'. */
  cgroupRoot: string;
  nftTable: string;
  cniNetwork: string;
  /** Sockets and containerd's state: short, as unix socket paths end at 107 bytes. */
  runDir: string;
  containerdSocket: string;
  containerdStateDir: string;
  containerdRootDir: string;
  containerdConfig: string;
  containerdPidFile: string;
  containerdLog: string;
  cniConfDir: string;
  cniStateDir: string;
  /** The kubelet's root: pods' folders are in `pods` below it. */
  kubeletDir: string;
  podsDir: string;
  podLogsDir: string;
  registryDir: string;
  imagesDir: string;
}

// containerd's shims and its ttrpc socket add their own names behind the state folder.
const longestSocketDir = 60;

/** Names of the instance whose data folder has this real path (no links in it, no trailing slash). */
export function instanceOf(dataDir: string): Instance {
  const id = createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
  const inside = `${dataDir}/run`;
  const runDir = Buffer.byteLength(inside) > longestSocketDir ? `/run/peapod/${id}` : inside;
  return {
    id,
    dataDir,
    bridge: `pea-${id}`,
    cgroupRoot: `/peapod-${id}`,
    nftTable: `peapod_${id}`,
    cniNetwork: `peapod-${id}`,
    runDir,
    containerdSocket: `${runDir}/containerd.sock`,
    containerdStateDir: `${runDir}/containerd`,
    containerdRootDir: `${dataDir}/containerd`,
    containerdConfig: `${dataDir}/containerd.toml`,
    containerdPidFile: `${dataDir}/containerd.pid`,
    containerdLog: `${dataDir}/containerd.log`,
    cniConfDir: `${dataDir}/cni/conf`,
    cniStateDir: `${dataDir}/cni/state`,
    kubeletDir: `${dataDir}/kubelet`,
    podsDir: `${dataDir}/kubelet/pods`,
    podLogsDir: `${dataDir}/logs/pods`,
    registryDir: `${dataDir}/registry`,
    imagesDir: `${dataDir}/images`,
  };
}
