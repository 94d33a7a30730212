// The LimitRange kind. Follows pkg/registry/core/limitrange and SetDefaults_LimitRangeItem of v1.36.

import type { LimitRange, LimitRangeItem } from '../../generated/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, simpleStrategy } from '../common.ts';
import { validateLimitRange } from './validate.ts';

/** For containers: no limit means the most, no request means the limit, else the least. */
function setItemDefaults(item: LimitRangeItem): void {
  if (item.type !== 'Container') return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

export const limitRangeKind: KindDefinition<LimitRange> = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  singular: 'limitrange',
  shortNames: ['limits'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.LimitRange',
  defaults: (limitRange) => limitRange.spec?.limits.forEach(setItemDefaults),
  strategy: {
    ...simpleStrategy<LimitRange>({ namespaced: true, check: validateLimitRange }),
    allowCreateOnUpdate: true,
    namesItself: true,
  },
};
