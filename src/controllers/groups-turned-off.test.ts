// With any built-in group turned off, whatever does not need it goes on: pods run, and controllers that watch other things work.

import { expect, test } from 'vitest';
import { allKinds } from '../api/kinds/all.ts';
import { namespaces, persistentVolumeClaims, pods, serviceAccounts, services } from '../client/resources.ts';
import { startSimulatedCluster } from '../sim/cluster.ts';

const versions = new Set(allKinds.filter(({ group }) => group !== '').map((kind) => `${kind.group}/${kind.version}`));
const groupsOff = [...versions].map((version) => `${version}=false`);
const allOff = 'api/all=false,settings.k8s.io/v1alpha1=true';
/** Without leases nobody sees that nodes live, so pods are not placed: neither are they by Kubernetes. */
const waits = new Set([allOff, 'coordination.k8s.io/v1=false']);

test.each([...groupsOff, allOff])('with %s pods run, and namespaces come and go', async (runtimeConfig) => {
  const cluster = await startSimulatedCluster({ nodes: 1, runtimeConfig });
  const { client, clock, settle } = cluster;
  const pass = async (seconds: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed++) await clock.advance(1000);
    await settle();
  };
  try {
    await client.create(namespaces, { metadata: { name: 'n' } });
    await settle();
    await client.get(serviceAccounts, { namespace: 'n', name: 'default' });
    // Admission looks at classes, ranges and policies of other groups.
    await client.create(services, { metadata: { namespace: 'n', name: 's' }, spec: { ports: [{ port: 80 }] } });
    await client.create(persistentVolumeClaims, {
      metadata: { namespace: 'n', name: 'c' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const at = { namespace: 'n', name: 'p' };
    await client.create(pods, { metadata: at, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await pass(20);
    expect((await client.get(pods, at)).status?.phase).toBe(waits.has(runtimeConfig) ? 'Pending' : 'Running');
    await client.delete(namespaces, { name: 'n' });
    await pass(60);
    await expect(client.get(namespaces, { name: 'n' })).rejects.toMatchObject({ code: 404 });
  } finally {
    await cluster.stop();
  }
});
