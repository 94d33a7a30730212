// Which APIServices there must be for what this server itself answers for, and what is to be done to have them. Pure.
// Follows kube-aggregator pkg/controllers/autoregister and pkg/controlplane/controller/crdregistration of v1.36.

import type { APIService } from '../../api/generated/types.ts';
import { builtInPriority, customPriority } from '../../api/kinds/apiservice/priorities.ts';
import { equalJson } from '../../api/meta/equal.ts';

/** Who has it is kept by this server: `onstart` once in each run, `true` at all times. */
export const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';

export interface LocalGroupVersion {
  group: string;
  version: string;
  /** Whether a CustomResourceDefinition defines it. */
  custom: boolean;
}

export type Registration =
  | { do: 'create'; object: APIService }
  | { do: 'update'; object: APIService }
  | { do: 'delete'; name: string; uid: string };

type Wanted = APIService & Required<Pick<APIService, 'metadata' | 'spec'>>;

/** The APIService of a group version; undefined for one that is never registered. */
function wantedService({ group, version, custom }: LocalGroupVersion): Wanted | undefined {
  const priority = custom ? customPriority : builtInPriority(group, version);
  if (priority === undefined) return undefined;
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}`, labels: { [managedLabel]: custom ? 'true' : 'onstart' } },
    spec: {
      // The core group's empty name is left out of what is stored.
      ...(group !== '' && { group }),
      version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    },
  };
}

const labelOf = ({ metadata }: APIService): string => metadata?.labels?.[managedLabel] ?? '';
const isOnStart = (service: APIService): boolean => labelOf(service) === 'onstart';

/** `synced` has the names that were dealt with in this run. */
export function decideRegistration(
  local: readonly LocalGroupVersion[],
  current: readonly APIService[],
  synced: ReadonlySet<string>,
): Registration[] {
  const wanted = new Map<string, Wanted>();
  for (const one of local) {
    const service = wantedService(one);
    if (service?.metadata.name !== undefined) wanted.set(service.metadata.name, service);
  }
  const actions: Registration[] = [];
  const there = new Set<string>();
  for (const service of current) {
    const name = service.metadata?.name ?? '';
    there.add(name);
    // Somebody else's.
    if (labelOf(service) === '') continue;
    if (isOnStart(service) && synced.has(name)) continue;
    const want = wanted.get(name);
    if (want === undefined) actions.push({ do: 'delete', name, uid: service.metadata?.uid ?? '' });
    else if (!equalJson(service.spec, want.spec)) {
      const labels = { ...service.metadata?.labels, ...want.metadata.labels };
      actions.push({
        do: 'update',
        object: { ...service, metadata: { ...service.metadata, labels }, spec: want.spec },
      });
    }
  }
  for (const [name, object] of wanted)
    if (!there.has(name) && !(isOnStart(object) && synced.has(name))) actions.push({ do: 'create', object });
  return actions;
}
