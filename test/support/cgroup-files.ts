// Control files of pods' cgroups as the machine has them, by their names in cgroup versions 1 and 2.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { instanceOf } from '../../src/host/instance.ts';

const base = '/sys/fs/cgroup';

/** Of the cgroup of all pods of a Peapod with that data folder. Throws where there is none. */
export function podsCgroupFile(dataDir: string, v1: string, v2: string): string {
  const [controller = '', file = ''] = v1.split('/');
  const isV1 = existsSync(`${base}/memory`);
  const { cgroupRoot } = instanceOf(realpathSync(dataDir));
  return readFileSync(
    join(isV1 ? `${base}/${controller}` : base, cgroupRoot, 'kubepods', isV1 ? file : v2),
    'utf8',
  ).trim();
}

/** `v1` is `controller/file`; `v2` the file. `container` is the runtime's id. Throws where the pod has no cgroup. */
export function podCgroupFile(uid: string, v1: string, v2: string, container = ''): string {
  const [controller = '', file = ''] = v1.split('/');
  const isV1 = existsSync(`${base}/memory`);
  const root = isV1 ? `${base}/${controller}` : base;
  for (const instance of readdirSync(root).filter((name) => name.startsWith('peapod-')))
    for (const quality of ['', 'burstable', 'besteffort']) {
      const folder = join(root, instance, 'kubepods', quality, `pod${uid}`, container);
      if (existsSync(folder)) return readFileSync(join(folder, isV1 ? file : v2), 'utf8').trim();
    }
  throw new Error(`no cgroup of pod ${uid} ${container}`);
}
