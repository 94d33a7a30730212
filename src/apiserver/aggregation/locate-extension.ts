// Where the extension server of an APIService is now: a ready pod of its service, or the name that the service stands for.
// Follows apiserver pkg/util/proxy/proxy.go (ResolveCluster, ResolveEndpoint) of v1.36.

import type { Service } from '../../api/generated/types.ts';
import type { Random } from '../../lib/random.ts';
import type { LookupKind, ObjectLookup } from '../admission/object-lookup.ts';
import { resolveService } from '../admission/webhook/resolve-service.ts';
import type { ExtensionTarget } from './extension-dialer.ts';
import type { RemoteApi } from './remote-apis.ts';

const services: LookupKind<Service> = { group: '', resource: 'services' };

/** Rejects with an Error in upstream's words where there is none. */
export async function locateExtension(
  objects: ObjectLookup,
  random: Random,
  { service, ca, insecure }: RemoteApi,
): Promise<ExtensionTarget> {
  const tls = { serverName: `${service.name}.${service.namespace}.svc`, ca, insecure };
  const { spec } = (await objects.get(services, service.namespace, service.name)) ?? {};
  if (spec?.type === 'ExternalName') return { ...tls, host: spec.externalName ?? '', port: service.port };
  return { ...tls, ...(await resolveService(objects, random, service)) };
}
