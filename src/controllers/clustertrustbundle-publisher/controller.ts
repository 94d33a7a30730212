// Publishes the CA with which the API server is known, as a trust bundle of the signer kubernetes.io/kube-apiserver-serving.
// Follows pkg/controller/certificates/clustertrustbundlepublisher/publisher.go of v1.36.

import type { V1beta1ClusterTrustBundle } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { apiVersionOf } from '../../api/meta/types.ts';
import type { Client, Resource } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import { servedTrustBundles } from '../../client/served-trust-bundles.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import type { Controller } from '../controller.ts';
import { decideBundles, type PublisherAction } from './decide.ts';

const account = 'kube-apiserver-serving-clustertrustbundle-publisher';
export const apiserverSigner = 'kubernetes.io/kube-apiserver-serving';
const noKey = '';

/** Performs one action. */
async function perform(
  client: Client,
  resource: Resource<V1beta1ClusterTrustBundle>,
  action: PublisherAction,
  signal: AbortSignal,
): Promise<void> {
  switch (action.do) {
    case 'create': {
      const { name, spec } = action;
      const bundle = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name }, spec };
      return void (await client.create(resource, bundle, { signal }));
    }
    case 'update':
      return void (await client.update(resource, action.bundle, { signal }));
    case 'delete':
      try {
        return void (await client.delete(resource, { name: action.name }, { signal }));
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        return;
      }
    default:
      return action satisfies never;
  }
}

/** Without an API for trust bundles it ends at once. */
export const trustBundlePublisher: Controller = (context) => {
  const { clock, random, logger, metrics, clusterCaPem } = context;
  const client = context.clientFor(account);
  const queue = createWorkqueue({ clock, logger, metrics, name: 'ca_cert_publisher_cluster_trust_bundles' });
  return async (signal) => {
    const resource = await servedTrustBundles(client, signal);
    if (resource === undefined) return logger.info('the API server serves no trust bundles: none is published');
    const add = (): void => queue.add(noKey);
    const bundles = createInformer({
      client,
      resource,
      fieldSelector: `spec.signerName=${apiserverSigner}`,
      clock,
      random,
      logger,
      onAdd: add,
      onUpdate: add,
      onDelete: add,
    });
    bundles.start(signal);
    await bundles.synced();
    add();
    await queue.run(1, signal, async () => {
      let failure: unknown;
      for (const action of decideBundles(apiserverSigner, clusterCaPem, bundles.list())) {
        try {
          await perform(client, resource, action, signal);
        } catch (error) {
          // What is old goes only once the new one is there; one that does not go holds up no other.
          if (action.do !== 'delete') throw error;
          failure = error;
        }
      }
      if (failure !== undefined) throw failure;
    });
  };
};
