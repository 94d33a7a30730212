// Pods for tests of the kubelet on the simulated runtime, and a harness on virtual time that runs them.

import type { Container, Pod } from '../api/generated/types.ts';
import { createMemoryFiles } from './memory-files.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createVirtualClock } from './virtual-clock.ts';
import type { KubeletOptions } from '../kubelet/kubelet.ts';
import { type Harness, startHarness } from '../kubelet/testing/kubelet-harness.ts';

/** A kubelet of its own with empty files; whoever started it stops it. */
export function startOnVirtualTime(overrides: Partial<KubeletOptions> = {}): Promise<Harness> {
  const clock = createVirtualClock();
  const files = createMemoryFiles({ now: () => clock.now() });
  return startHarness({ clock, random: createSeededRandom(1), files, overrides });
}

/** A pod of one container; `sim` says how its containers behave (docs/simulated-runtime.md), `init` gives it init containers i0, i1 ... */
export function simulatedPod(
  name: string,
  sim: Record<string, string> = {},
  spec: Partial<Pod['spec']> & { init?: Partial<Container>[] } = {},
): Pod {
  const { init, ...rest } = spec;
  return {
    metadata: {
      name,
      annotations: Object.fromEntries(Object.entries(sim).map(([k, v]) => [`sim.peapod.dev/${k}`, v])),
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'c', image: 'nginx' }],
      ...(init ? { initContainers: init.map((c, i) => ({ name: `i${i}`, image: 'busybox', ...c })) } : {}),
      ...rest,
    },
  } as Pod;
}
