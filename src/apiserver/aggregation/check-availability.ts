// Finds out whether the extension server of an APIService can be reached, in upstream's reasons and words.
// Follows kube-aggregator pkg/controllers/status/remote/remote_available_controller.go of v1.36.

import type { Pod, Service } from '../../api/generated/types.ts';
import type { Availability } from '../../api/kinds/apiservice/conditions.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { matchesLabels, selectorFromLabels } from '../../api/meta/label-selector.ts';
import type { LookupKind, ObjectLookup } from '../admission/object-lookup.ts';
import { isReady } from '../admission/webhook/resolve-service.ts';
import type { RemoteApi } from './remote-apis.ts';

const services: LookupKind<Service> = { group: '', resource: 'services' };
const pods: LookupKind<Pod> = { group: '', resource: 'pods' };

export const passed: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' };

const no = (reason: string, message: string): Availability => ({ status: 'False', reason, message });

/** What is wrong with the service of an extension server, before anybody talks to it; undefined when nothing is. Pure. */
export function serviceFault(
  { service: { namespace, name, port } }: RemoteApi,
  service: Service | undefined,
  podsThere: readonly Pod[],
): Availability | undefined {
  const at = `service/${name} in ${goQuote(namespace)}`;
  if (service === undefined) return no('ServiceNotFound', `${at} is not present`);
  const { type = 'ClusterIP', ports = [], selector = {} } = service.spec ?? {};
  if (type !== 'ClusterIP') return undefined;
  const found = ports.find((one) => one.port === port);
  if (found === undefined) return no('ServicePortError', `${at} is not listening on port ${port}`);
  if (Object.keys(selector).length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${at}`);
  const labels = selectorFromLabels(selector);
  const isServing = podsThere.some((pod) => matchesLabels(labels, pod.metadata?.labels) && isReady(pod));
  if (isServing) return undefined;
  const text = `endpointslices for ${at} have no addresses with port name ${goQuote(found.name ?? '')}`;
  return no('MissingEndpoints', text);
}

/** `ask` makes the request by which the server shows that it serves the group version; it rejects where that fails. */
export async function checkAvailability(
  objects: ObjectLookup,
  remote: RemoteApi,
  ask: () => Promise<void>,
): Promise<Availability> {
  const { namespace, name } = remote.service;
  const service = await objects.get(services, namespace, name);
  const fault = serviceFault(remote, service, await objects.list(pods, namespace));
  if (fault !== undefined) return fault;
  try {
    await ask();
    return passed;
  } catch (error) {
    return no('FailedDiscoveryCheck', error instanceof Error ? error.message : String(error));
  }
}
