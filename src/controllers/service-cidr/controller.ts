// Keeps the ranges of service addresses: each says whether it is in use, and none goes while services have addresses of it alone.
// Follows pkg/controller/servicecidrs/servicecidrs_controller.go of v1.36.

import type { IPAddress, ServiceCIDR } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { apiVersionOf } from '../../api/meta/types.ts';
import type { Client } from '../../client/client.ts';
import { serviceCidrs } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { isManagedAddress } from '../../api/kinds/ipaddress/managed.ts';
import { type Controller, type ControllerEvents, defaultWorkers } from '../controller.ts';
import { containing, decideServiceCidr, overlapping, serviceCidrFinalizer, type ServiceCidrAction } from './decide.ts';

const account = 'service-cidrs-controller';
const fieldManager = 'service-cidr-controller';

type Write = Exclude<ServiceCidrAction, { do: 'wait' }>;

/** Performs one action, as the account of its own. `now` in ms. */
async function perform(client: Client, name: string, action: Write, now: number, signal: AbortSignal): Promise<void> {
  const patch = (body: object) => client.patch(serviceCidrs, { name }, { type: 'strategic', body }, { signal });
  switch (action.do) {
    case 'protect':
      return void (await patch({ metadata: { finalizers: [serviceCidrFinalizer] } }));
    case 'release':
      return void (await patch({ metadata: { '$deleteFromPrimitiveList/finalizers': [serviceCidrFinalizer] } }));
    case 'tell': {
      const condition = { type: 'Ready', ...action.ready, lastTransitionTime: formatTime(now) };
      const identity = { apiVersion: apiVersionOf(serviceCidrs), kind: serviceCidrs.kind };
      const body = { ...identity, metadata: { name }, status: { conditions: [condition] } };
      const options = { subresource: 'status', fieldManager, force: true, signal };
      return void (await client.patch(serviceCidrs, { name }, { type: 'apply', body }, options));
    }
    default:
      return action satisfies never;
  }
}

/** Tells that the range is ready, although its condition could not be written. */
function tellUnwritten(events: ControllerEvents, { metadata }: ServiceCIDR): void {
  const { name = '', uid = '' } = metadata ?? {};
  const about = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', name, uid };
  events.event(about, 'Warning', 'KubernetesServiceCIDRError', 'The ServiceCIDR Status can not be set to Ready=True');
}

export const serviceCidrController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const client = context.clientFor(account);
  const events = context.events('service-cidr-controller');
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ipaddresses' });
  const { serviceCidrs: cidrs, ipAddresses } = informers;
  const add = ({ metadata }: ServiceCIDR): void => queue.add(metadata?.name ?? '');
  const ofAddress = (address: IPAddress): void => {
    if (isManagedAddress(address)) containing(address.metadata?.name ?? '', cidrs.list()).forEach(add);
  };
  /** Another range may be what one on its way out has been waiting for. */
  const withOthers = (cidr: ServiceCIDR): void => [cidr, ...overlapping(cidr, cidrs.list())].forEach(add);
  cidrs.addHandler({ onAdd: withOthers, onUpdate: (_, cidr) => add(cidr) });
  ipAddresses.addHandler({ onAdd: ofAddress, onDelete: ofAddress });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (name) => {
      const cidr = cidrs.get(name);
      if (cidr === undefined) return;
      const addresses = ipAddresses.list().filter(isManagedAddress);
      for (const action of decideServiceCidr(cidr, cidrs.list(), addresses, clock.now())) {
        if (action.do === 'wait') queue.addAfter(name, action.ms);
        else
          await perform(client, name, action, clock.now(), signal).catch((error: unknown) => {
            if (isApiError(error, 'NotFound')) return;
            if (action.do === 'tell' && action.ready.status === 'True') tellUnwritten(events, cidr);
            throw error;
          });
      }
    });
};
