// Keeps the objects that tell of the services' addresses: the ServiceCIDR `kubernetes`, and an IPAddress for each address in use.
// Follows pkg/controlplane/controller/defaultservicecidr and pkg/registry/core/service/ipallocator of v1.36.

import type { IPAddress, Service, ServiceCIDR } from '../../api/generated/types.ts';
import { defaultServiceCidrName } from '../../api/kinds/servicecidr/definition.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { Transport } from '../../api/transport.ts';
import type { Clock } from '../../lib/clock.ts';
import { coalesce } from '../../lib/coalesce.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LookupKind, ObjectLookup } from '../admission/object-lookup.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ResourceTable } from '../resources.ts';
import { type AddressAction, decideAddresses } from './decide.ts';

export interface ServiceRangeDeps {
  /** 10.43.0.0/16 */
  serviceCidr: string;
  resources: ResourceTable;
  feed: CacheFeed;
  objects: ObjectLookup;
  /** The server's own. */
  transport(): Transport;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

const group = 'networking.k8s.io';
const root = `/apis/${group}/v1`;
const statusManager = 'kubernetes-service-cidr-controller';
/** The default range, as writes of it name it. */
const identity = { apiVersion: `${group}/v1`, kind: 'ServiceCIDR', metadata: { name: defaultServiceCidrName } };
const services: LookupKind<Service> = { group: '', resource: 'services' };
const cidrs: LookupKind<ServiceCIDR> = { group, resource: 'servicecidrs' };

/** The objects of addresses as they are kept. */
export const addressLookup: LookupKind<IPAddress> = { group, resource: 'ipaddresses' };

/** Whether addresses are given of its ranges: until somebody says that it is not ready, it is. Follows ipallocator/cidrallocator.go. */
const isInUse = ({ metadata, status }: ServiceCIDR): boolean =>
  metadata?.deletionTimestamp === undefined &&
  (status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'True') === 'True';

/** The IPv4 ranges that services get addresses of now: the server's own, and those of ServiceCIDRs that are in use. */
export async function rangesInUse(own: string, objects: ObjectLookup): Promise<readonly string[]> {
  const found = await objects.list(cidrs, '');
  const others = found.flatMap((one) => (isInUse(one) ? (one.spec?.cidrs ?? []) : []));
  return [...new Set([own, ...others.filter((range) => !range.includes(':'))])];
}

const isOvertaken = (error: unknown): boolean =>
  ['Conflict', 'AlreadyExists', 'NotFound'].some((reason) => isApiError(error, reason));

/** Performs one action; what others did meanwhile is no error. */
async function perform(transport: Transport, { do: what, object }: AddressAction): Promise<void> {
  const path = `${root}/ipaddresses`;
  try {
    if (what === 'create') await transport.request({ method: 'POST', path, body: object });
    else {
      const preconditions = { uid: object.metadata?.uid };
      const name = object.metadata?.name ?? '';
      await transport.request({ method: 'DELETE', path: `${path}/${name}`, body: { preconditions } });
    }
  } catch (error) {
    if (!isOvertaken(error)) throw error;
  }
}

/** Makes the ServiceCIDR of the server's own range where it is missing, and says that it is in use. */
async function keepDefault(deps: ServiceRangeDeps): Promise<void> {
  const { objects, serviceCidr, clock, logger } = deps;
  const transport = deps.transport();
  const found = await objects.get(cidrs, '', defaultServiceCidrName);
  if (found === undefined) {
    await transport.request({
      method: 'POST',
      path: `${root}/servicecidrs`,
      query: { fieldManager: 'kube-apiserver' },
      body: {
        ...identity,
        spec: { cidrs: [serviceCidr] },
      },
    });
  } else if (!equalJson(found.spec?.cidrs, [serviceCidr])) {
    logger.warn('the ServiceCIDR kubernetes is not of the range that services get addresses from', { serviceCidr });
    return;
  }
  // The controller has the word once there is a condition, and when it is deleted.
  if (found?.metadata?.deletionTimestamp !== undefined) return;
  if (found?.status?.conditions?.some(({ type }) => type === 'Ready')) return;
  const condition = {
    type: 'Ready',
    status: 'True',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime(clock.now()),
  };
  await transport.request({
    method: 'PATCH',
    path: `${root}/servicecidrs/${defaultServiceCidrName}/status`,
    contentType: 'application/apply-patch+yaml',
    query: { fieldManager: statusManager, force: 'true' },
    body: { ...identity, status: { conditions: [condition] } },
  });
}

/** Where services and these kinds are served: gives what makes the objects and keeps them from then on. */
export function createServiceRange(deps: ServiceRangeDeps): { start(): Promise<void> } | undefined {
  const { resources, feed, objects, logger, signal } = deps;
  const infoOf = ({ group: of, resource }: LookupKind<Service | ServiceCIDR | IPAddress>) =>
    resources.find(of, 'v1', resource);
  const [ofServices, ofCidrs, ofAddresses] = [infoOf(services), infoOf(cidrs), infoOf(addressLookup)];
  if (!ofServices || !ofCidrs || !ofAddresses) return undefined;
  const keepAddresses = async (): Promise<void> => {
    const [inUse, found] = await Promise.all([objects.list(services, ''), objects.list(addressLookup, '')]);
    await Promise.all(decideAddresses(inUse, found).map((action) => perform(deps.transport(), action)));
  };
  const failed = (error: unknown): void => {
    if (!signal.aborted && !isOvertaken(error))
      logger.warn('the objects of service addresses are not as they should be', { error: String(error) });
  };
  const ranges = coalesce(() => keepDefault(deps), failed, signal);
  const addresses = coalesce(keepAddresses, failed, signal);
  return {
    async start() {
      await keepDefault(deps);
      await keepAddresses();
      feed.cache(ofCidrs).observe({ changed: ranges.ask, loaded: ranges.ask });
      for (const info of [ofServices, ofAddresses])
        feed.cache(info).observe({ changed: addresses.ask, loaded: addresses.ask });
    },
  };
}
