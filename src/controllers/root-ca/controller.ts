// Publishes the cluster's CA to every namespace, in the ConfigMap kube-root-ca.crt that pods mount.

import type { ConfigMap, Namespace } from '../../api/generated/types.ts';
import { configMaps } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import { type Controller, defaultWorkers } from '../controller.ts';
import { isSettled } from '../serviceaccount/controller.ts';

export const rootCaName = 'kube-root-ca.crt';
const description = 'The certificate authority to verify the API server with, at its names inside the cluster.';
const descriptionAnnotation = 'kubernetes.io/description';

export type RootCaAction = { type: 'create'; configMap: ConfigMap } | { type: 'update'; configMap: ConfigMap };

/** What is to be done for one namespace. Follows pkg/controller/certificates/rootcacertpublisher. */
export function decideRootCa(
  namespace: Namespace | undefined,
  existing: ConfigMap | undefined,
  clusterCaPem: string,
): RootCaAction | undefined {
  const name = namespace?.metadata?.name;
  if (
    name === undefined ||
    namespace?.status?.phase !== 'Active' ||
    namespace.metadata?.deletionTimestamp !== undefined
  )
    return undefined;
  const annotations = { ...existing?.metadata?.annotations, [descriptionAnnotation]: description };
  const data = { 'ca.crt': clusterCaPem };
  if (!existing) {
    const metadata = { name: rootCaName, namespace: name, annotations };
    return { type: 'create', configMap: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } };
  }
  const keys = Object.keys(existing.data ?? {});
  const upToDate =
    keys.length === 1 &&
    existing.data?.['ca.crt'] === clusterCaPem &&
    existing.metadata?.annotations?.[descriptionAnnotation] !== undefined;
  if (upToDate) return undefined;
  return { type: 'update', configMap: { ...existing, metadata: { ...existing.metadata, annotations }, data } };
}

export const rootCaController: Controller = ({ client, clock, logger, metrics, informers, clusterCaPem }) => {
  const queue = createWorkqueue({ clock, logger, metrics, name: 'root_ca_cert_publisher' });
  informers.namespaces.addHandler({
    onAdd: (namespace) => queue.add(namespace.metadata?.name ?? ''),
    onUpdate: (_old, namespace) => queue.add(namespace.metadata?.name ?? ''),
  });
  const changed = ({ metadata }: ConfigMap): void => queue.add(metadata?.namespace ?? '');
  informers.rootCaConfigMaps.addHandler({ onUpdate: (_old, configMap) => changed(configMap), onDelete: changed });
  return (signal) =>
    queue.run(defaultWorkers, signal, async (namespace) => {
      const existing = informers.rootCaConfigMaps.get(`${namespace}/${rootCaName}`);
      const action = decideRootCa(informers.namespaces.get(namespace), existing, clusterCaPem);
      try {
        if (action?.type === 'create') await client.create(configMaps, action.configMap, { signal });
        if (action?.type === 'update') await client.update(configMaps, action.configMap, { signal });
      } catch (error) {
        if (!isSettled(error)) throw error;
      }
    });
};
