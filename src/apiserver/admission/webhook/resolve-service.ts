// Finds a pod behind a service for the server's own calls: there are no Endpoints, and no service proxy under the server.
// Follows apiserver pkg/util/proxy/proxy.go (ResolveEndpoint) of v1.36 in its messages.

import type { Pod, Service, ServicePort } from '../../../api/generated/types.ts';
import { matchesLabels, selectorFromLabels } from '../../../api/meta/label-selector.ts';
import { visitContainers } from '../../../api/pod/containers.ts';
import type { Random } from '../../../lib/random.ts';
import type { LookupKind, ObjectLookup } from '../object-lookup.ts';

const services: LookupKind<Service> = { group: '', resource: 'services' };
const pods: LookupKind<Pod> = { group: '', resource: 'pods' };

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

/** The number of the port of that name or number in the pod; undefined where it has none of that name. */
function portOf({ spec }: Pod, target: string | number): number | undefined {
  if (typeof target === 'number' || /^\d+$/.test(target)) return Number(target);
  if (spec === undefined) return undefined;
  for (const { container } of visitContainers(spec))
    for (const { name, containerPort } of container.ports ?? []) if (name === target) return containerPort;
  return undefined;
}

/** The port of the service by name or number; the only one where nothing is said. */
function servicePort(ports: readonly ServicePort[], asked: string | number): ServicePort | undefined {
  if (asked === '') return ports.length === 1 ? ports[0] : undefined;
  return ports.find((one) => one.port === Number(asked) || one.name === asked);
}

/** Address and port of one ready pod, chosen at random. Throws an Error in upstream's words where there is none. */
export async function resolveService(
  objects: ObjectLookup,
  random: Random,
  { namespace, name, port }: { namespace: string; name: string; port: string | number },
): Promise<{ host: string; port: number }> {
  const service = await objects.get(services, namespace, name);
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { type = 'ClusterIP', ports = [], selector = {} } = service.spec ?? {};
  if (type === 'ExternalName') throw new Error(`unsupported service type ${JSON.stringify(type)}`);
  const found = servicePort(ports, port);
  if (found === undefined)
    throw new Error(
      `no service port ${typeof port === 'number' ? port : JSON.stringify(port)} found for service ${JSON.stringify(name)}`,
    );
  const labels = selectorFromLabels(selector);
  const hasSelector = Object.keys(selector).length > 0;
  const chosen = hasSelector ? await objects.list(pods, namespace) : [];
  const ready = chosen
    .filter((pod) => matchesLabels(labels, pod.metadata?.labels) && isReady(pod))
    .flatMap((pod) => {
      const host = pod.status?.podIP ?? '';
      const number = portOf(pod, found.targetPort ?? found.port);
      return host === '' || number === undefined ? [] : [{ host, port: number }];
    });
  const one = ready[Math.floor(random.float() * ready.length)];
  if (one === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
  return one;
}
