// The service `kubernetes` of the namespace `default`, by which pods find the API. Follows pkg/controlplane/controller/kubernetesservice of v1.36.

import type { Service, ServicePort } from '../api/generated/types.ts';
import { equalJson } from '../api/meta/equal.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { Transport } from '../api/transport.ts';
import { ipv4Range } from '../lib/ipv4-range.ts';

const collection = '/api/v1/namespaces/default/services';
const name = 'kubernetes';

/** The address of the API inside the cluster: the first of the services'. */
export const apiServiceAddress = (serviceCidr: string): string => ipv4Range(serviceCidr).at(1);

/** Makes it, or gives it the port on which the API listens now. Another service range than before makes it anew. */
export async function bootstrapService(transport: Transport, serviceCidr: string, apiPort: number): Promise<void> {
  const ports: ServicePort[] = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiPort }];
  const clusterIP = apiServiceAddress(serviceCidr);
  const wanted: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP, ipFamilyPolicy: 'SingleStack', ports, sessionAffinity: 'None', type: 'ClusterIP' },
  };
  let found: Service | undefined;
  try {
    found = (await transport.request({ method: 'GET', path: `${collection}/${name}` })) as Service;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  if (found !== undefined && found.spec?.clusterIP !== clusterIP) {
    await transport.request({ method: 'DELETE', path: `${collection}/${name}` });
    found = undefined;
  }
  if (found === undefined) return void (await transport.request({ method: 'POST', path: collection, body: wanted }));
  if (equalJson(found.spec?.ports, ports)) return;
  const body = { ...found, spec: { ...found.spec, ports } };
  await transport.request({ method: 'PUT', path: `${collection}/${name}`, body });
}
