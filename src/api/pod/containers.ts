// Walks over the containers of a pod, whatever list they are in.

import type { Container, EphemeralContainer, PodSpec } from '../generated/types.ts';
import { FieldPath } from '../meta/errors.ts';

export type ContainerType = 'init' | 'app' | 'ephemeral';

export interface VisitedContainer {
  type: ContainerType;
  container: Container | EphemeralContainer;
  /** spec.initContainers[0] and so on. */
  path: FieldPath;
  index: number;
}

const lists = [
  ['initContainers', 'init'],
  ['containers', 'app'],
  ['ephemeralContainers', 'ephemeral'],
] as const;

const specPath = new FieldPath('spec');

/** Every container: init first, then app, then ephemeral, as upstream visits them. */
export function visitContainers(spec: PodSpec, path = specPath): VisitedContainer[] {
  const visited: VisitedContainer[] = [];
  for (const [field, type] of lists) {
    const containers: readonly (Container | EphemeralContainer)[] | undefined = spec[field];
    if (!containers) continue;
    const at = path.child(field);
    containers.forEach((container, index) => visited.push({ type, container, path: at.index(index), index }));
  }
  return visited;
}

/** A sidecar: an init container that is restarted always and outlives the app containers. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';
