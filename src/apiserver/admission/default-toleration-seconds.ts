// Lets every pod stay for five minutes on a node that is not ready or cannot be reached.
// Follows plugin/pkg/admission/defaulttolerationseconds/admission.go of v1.36.

import type { Pod, Toleration } from '../../api/generated/types.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';
import { setTolerations } from './set-tolerations.ts';

const seconds = 300;
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** An empty key or effect stands for all. */
const covers = ({ key, effect }: Toleration, wanted: string): boolean =>
  (!key || key === wanted) && (!effect || effect === 'NoExecute');

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  mutate(at) {
    if (!isWriteOf(at, '', 'pods')) return;
    const pod = at.object as Pod;
    if (!pod.spec) return;
    const own = pod.spec.tolerations ?? [];
    const missing = keys.filter((key) => !own.some((toleration) => covers(toleration, key)));
    if (missing.length === 0) return;
    const added = missing.map(
      (key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }),
    );
    setTolerations(pod, [...own, ...added]);
  },
};
