// Which group versions extension servers answer for, as APIServices say, and in which order all group versions are shown.

import type { APIService } from '../../api/generated/types.ts';
import { availableCondition } from '../../api/kinds/apiservice/conditions.ts';
import { defaultServicePort } from '../../api/kinds/apiservice/definition.ts';
import { builtInPriority, customPriority, type Priority } from '../../api/kinds/apiservice/priorities.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceInfo } from '../resources.ts';

/** A group version that an extension server answers for. */
export interface RemoteApi {
  /** Of its APIService: v1.example.com */
  name: string;
  group: string;
  version: string;
  service: { namespace: string; name: string; port: number };
  /** PEM; empty for the system's own CAs. */
  ca: string;
  insecure: boolean;
  available: boolean;
}

export interface RemoteApis {
  readonly all: readonly RemoteApi[];
  /** Grows with every change of an APIService. */
  readonly generation: number;
  find(group: string, version: string): RemoteApi | undefined;
  /** The one that answers for a path: /apis/<group>/<version> or below. */
  ofPath(path: string): RemoteApi | undefined;
  priority(group: string, version: string): Priority;
}

const idOf = (group: string, version: string): string => `${group}/${version}`;

function remoteOf({ metadata, spec, status }: APIService): RemoteApi | undefined {
  if (spec?.service === undefined) return undefined;
  const { namespace = '', name = '', port = defaultServicePort } = spec.service;
  return {
    name: metadata?.name ?? '',
    group: spec.group ?? '',
    version: spec.version ?? '',
    service: { namespace, name, port },
    ca: Buffer.from(spec.caBundle ?? '', 'base64').toString('utf8'),
    insecure: spec.insecureSkipTLSVerify ?? false,
    available: availableCondition(status)?.status === 'True',
  };
}

/** Group and version of a path of the API; undefined for any other. */
function groupVersionOf(path: string): [string, string] | undefined {
  const [, root, first, second] = path.split('/', 4);
  if (root === 'api' && first) return ['', first];
  return root === 'apis' && first && second ? [first, second] : undefined;
}

/** Without APIServices among the kinds nothing is remote. Everything is read again after a change, when it is next asked for. */
export function remoteApis(feed: CacheFeed, services: ResourceInfo | undefined): RemoteApis {
  let generation = 1;
  let readAt = 0;
  let remote = new Map<string, RemoteApi>();
  let priorities = new Map<string, Priority>();
  const cache = services && feed.cache(services);
  const changed = (): void => void generation++;
  cache?.observe({ changed, loaded: changed });
  const read = (): void => {
    if (readAt === generation || cache === undefined || services === undefined) return;
    readAt = generation;
    remote = new Map();
    priorities = new Map();
    for (const object of cache.objects.range(services.keyPrefix)) {
      const { spec, ...rest } = object.object() as APIService;
      if (spec === undefined) continue;
      const id = idOf(spec.group ?? '', spec.version ?? '');
      priorities.set(id, { group: spec.groupPriorityMinimum, version: spec.versionPriority });
      const api = remoteOf({ ...rest, spec });
      if (api !== undefined) remote.set(id, api);
    }
  };
  const find = (group: string, version: string): RemoteApi | undefined => {
    read();
    return remote.get(idOf(group, version));
  };
  return {
    get all() {
      read();
      return [...remote.values()];
    },
    get generation() {
      return generation;
    },
    find,
    ofPath(path) {
      read();
      if (remote.size === 0) return undefined;
      const found = groupVersionOf(path);
      return found && find(...found);
    },
    priority(group, version) {
      read();
      return priorities.get(idOf(group, version)) ?? builtInPriority(group, version) ?? customPriority;
    },
  };
}
