// Says whether evicting pods could help. Nothing is evicted yet; a message tells where upstream would have done so.

import { fitErrorMessage } from '../fit-error.ts';
import type { Plugin, Rejection } from '../framework.ts';

const noVictims = { reasons: ['No preemption victims found for incoming pod'] };
const notHelpful = { reasons: ['Preemption is not helpful for scheduling'] };
// Pods of lower priority only exist once priorities are set by hand or by PriorityClass.
const notDone = { reasons: ['Preemption of lower priority pods is not done by this scheduler yet'] };

/** The words of framework/preemption and plugins/defaultpreemption for a pod that cannot preempt. */
export const defaultPreemption: Plugin = {
  name: 'DefaultPreemption',
  postFilter({ pod, diagnosis, nodes }) {
    if (pod.pod.spec?.preemptionPolicy === 'Never') return 'preemption: not eligible due to preemptionPolicy=Never.';
    const rejections = new Map<string, Rejection>();
    for (const node of nodes) {
      const rejection = diagnosis.rejections.get(node.name) ?? diagnosis.absent;
      if (!rejection || rejection.unresolvable === true) continue;
      const victims = [...node.pods.values()].some(({ priority }) => priority < pod.priority);
      rejections.set(node.name, victims ? notDone : noVictims);
    }
    const outcome = { rejections, absent: notHelpful, preFilterMessage: '', plugins: new Set<string>() };
    return `preemption: ${fitErrorMessage(nodes.length, outcome)}`;
  },
};
