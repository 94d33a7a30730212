// Every kind that the API server serves.

import type { AnyKind } from '../scheme.ts';
import { fillRequired } from './fill-required.ts';
import { bindingKind } from './binding/definition.ts';
import { configMapKind } from './configmap/definition.ts';
import { eventKind, eventsV1EventKind } from './event/definition.ts';
import { leaseKind } from './lease/definition.ts';
import { namespaceKind } from './namespace/definition.ts';
import { nodeKind } from './node/definition.ts';
import { podKind } from './pod/definition.ts';
import { secretKind } from './secret/definition.ts';
import { serviceKind } from './service/definition.ts';
import { serviceAccountKind } from './serviceaccount/definition.ts';

const kinds: readonly AnyKind[] = [
  bindingKind,
  configMapKind,
  eventKind,
  namespaceKind,
  nodeKind,
  podKind,
  secretKind,
  serviceKind,
  serviceAccountKind,
  leaseKind,
  eventsV1EventKind,
];

/** The kind, with members that upstream's types always have filled in before its own defaults. */
function withRequired(kind: AnyKind): AnyKind {
  return {
    ...kind,
    defaults(object) {
      fillRequired(kind.definition, object);
      kind.defaults?.(object);
    },
  };
}

export const allKinds: readonly AnyKind[] = kinds.map(withRequired);
