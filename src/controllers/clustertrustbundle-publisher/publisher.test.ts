// What the CA of the API server's certificate is published as, and that old bundles of its signer go.
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { selfSigned } from '../../../test/support/trust-anchor.ts';
import type { V1beta1ClusterTrustBundle } from '../../api/generated/types.ts';
import { allKinds } from '../../api/kinds/all.ts';
import { servedKinds } from '../../apiserver/runtime-config.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createControllerManager } from '../manager.ts';
import { apiserverSigner } from './controller.ts';
import { decideBundles } from './decide.ts';

const gates = new Set(['ClusterTrustBundle'] as const);
const bundles = (version: string): string => `/apis/certificates.k8s.io/${version}/clustertrustbundles`;
const [first, second] = await Promise.all([selfSigned('first'), selfSigned('second')]);

const name = 'kubernetes.io:kube-apiserver-serving:ba7816bf8f01cfea414140de';
const bundle = (called: string, trustBundle: string): V1beta1ClusterTrustBundle => ({
  metadata: { name: called },
  spec: { signerName: apiserverSigner, trustBundle },
});
const spec = { signerName: apiserverSigner, trustBundle: 'abc' };

test.each<[string, V1beta1ClusterTrustBundle[], unknown[]]>([
  ['nothing there', [], [{ do: 'create', name, spec }]],
  ['all well', [bundle(name, 'abc')], []],
  ['changed by somebody', [bundle(name, 'x')], [{ do: 'update', bundle: bundle(name, 'abc') }]],
  [
    'of another CA',
    [bundle('old', 'x'), bundle('older', 'y')],
    [
      { do: 'create', name, spec },
      { do: 'delete', name: 'old' },
      { do: 'delete', name: 'older' },
    ],
  ],
  ['old ones beside it', [bundle('old', 'x'), bundle(name, 'abc')], [{ do: 'delete', name: 'old' }]],
])('%s', (_, existing, actions) => expect(decideBundles(apiserverSigner, 'abc', existing)).toEqual(actions));

let t: TestServer | undefined;
let ending: AbortController | undefined;
afterEach(async () => {
  ending?.abort();
  await t?.server.close();
});

/** Runs the controller alone, with a CA. */
async function publish({ server }: TestServer, pem: string): Promise<() => void> {
  const ended = new AbortController();
  ending = ended;
  const as = (user: string, ...groups: string[]) =>
    server.inProcess({ name: user, groups: [...groups, 'system:authenticated'] });
  const transport = as('system:kube-controller-manager');
  const accounts = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
  const manager = createControllerManager({
    client: createClient(transport),
    clientFor: (account) => createClient(as(`system:serviceaccount:kube-system:${account}`, ...accounts)),
    transport,
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
    events: () => ({ event() {} }),
    clusterCaPem: pem,
    signCertificate: () => Promise.reject(new Error('nothing is signed')),
    controllers: 'kube-apiserver-serving-clustertrustbundle-publisher-controller',
    gates,
  });
  await manager.start(ended.signal);
  return () => ended.abort();
}

test.each(['v1beta1', 'v1alpha1'])('as its own account, in %s', async (version) => {
  const kinds = servedKinds(allKinds, `certificates.k8s.io/${version}/clustertrustbundles=true`);
  t = await startTestServer(realClock, realRandom, { gates, kinds });
  const api = verbs(t.admin);
  const published = (what: string, pem: string) =>
    eventually(what, async () => {
      const { items } = (await api.get(bundles(version))) as unknown as { items: V1beta1ClusterTrustBundle[] };
      expect(items.map((one) => one.spec.trustBundle)).toEqual([pem]);
      return items[0]!;
    });
  const end = await publish(t, first);
  const { metadata, spec: own } = await published('the first', first);
  expect(metadata?.name).toMatch(/^kubernetes\.io:kube-apiserver-serving:[0-9a-f]{24}$/);
  expect(own.signerName).toBe(apiserverSigner);
  await api.patch(`${bundles(version)}/${metadata?.name}`, 'merge-patch+json', { spec: { trustBundle: second } });
  await published('mended', first);
  await api.del(`${bundles(version)}/${metadata?.name}`);
  await published('made again', first);
  end();
  await publish(t, second);
  expect((await published('the second', second)).metadata?.name).not.toBe(metadata?.name);
});
