// Every kind that the API server serves.

import type { AnyKind } from '../scheme.ts';
import { bindingKind } from './binding/definition.ts';
import { configMapKind } from './configmap/definition.ts';
import { eventKind, eventsV1EventKind } from './event/definition.ts';
import { leaseKind } from './lease/definition.ts';
import { namespaceKind } from './namespace/definition.ts';
import { nodeKind } from './node/definition.ts';
import { podKind } from './pod/definition.ts';
import { secretKind } from './secret/definition.ts';
import { serviceAccountKind } from './serviceaccount/definition.ts';

export const allKinds: readonly AnyKind[] = [
  bindingKind,
  configMapKind,
  eventKind,
  namespaceKind,
  nodeKind,
  podKind,
  secretKind,
  serviceAccountKind,
  leaseKind,
  eventsV1EventKind,
];
