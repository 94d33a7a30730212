// Taints every new node until its controller has seen that it is ready. Follows plugin/pkg/admission/nodetaint/admission.go of v1.36.

import type { Node } from '../../api/generated/types.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  mutate(at) {
    if (at.operation !== 'CREATE' || !isWriteOf(at, '', 'nodes')) return;
    const node = at.object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
  },
};
