// The token in a pod's volume over its life, in a whole cluster on virtual time: accepted, renewed in place, expired, and ended with the pod.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TokenReview } from '../../src/api/generated/types.ts';
import { pods, tokenReviews } from '../../src/client/resources.ts';
import { podPaths } from '../../src/kubelet/pod-paths.ts';
import { type SimulatedCluster, startSimulatedCluster } from '../../src/sim/cluster.ts';

const minute = 60_000;
let cluster: SimulatedCluster;
beforeEach(async () => {
  cluster = await startSimulatedCluster();
});
afterEach(() => cluster.stop());

/** A pod whose default token and one for `vault` are there, and how to read both. */
async function startPod(name: string) {
  const at = { name, namespace: 'default' };
  const { metadata } = await cluster.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: at,
    spec: {
      containers: [{ name: 'c', image: 'nginx', volumeMounts: [{ name: 'vault', mountPath: '/vault' }] }],
      volumes: [
        {
          name: 'vault',
          projected: {
            sources: [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }],
          },
        },
      ],
    },
  });
  await cluster.clock.advance(5000);
  const { spec, status } = await cluster.client.get(pods, at);
  expect(status?.phase).toBe('Running');
  const own = spec?.volumes?.find((volume) => volume.name.startsWith('kube-api-access-'))?.name ?? '';
  const read = async (volume: string): Promise<string> => {
    const path = `${podPaths.volume('/var/lib/kubelet', metadata?.uid ?? '', 'projected', volume)}/token`;
    return (await cluster.nodes[0]!.files.readFile(path)).toString();
  };
  return { token: () => read(own), vaultToken: () => read('vault') };
}

/** Whom the API takes the bearer for; undefined for nobody. */
async function userOf(token: string, audiences?: string[]): Promise<string | undefined> {
  const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
  const review: TokenReview = await cluster.client.create(tokenReviews, { spec });
  return review.status?.authenticated === true ? review.status.user?.username : undefined;
}

const account = 'system:serviceaccount:default:default';

test('a token is renewed in its file before it expires, and ends with its pod', async () => {
  const { token } = await startPod('web');
  const first = await token();
  expect(await userOf(first)).toBe(account);
  await cluster.clock.advance(40 * minute);
  expect(await token()).toBe(first);
  await cluster.clock.advance(15 * minute);
  const second = await token();
  expect(second).not.toBe(first);
  expect([await userOf(first), await userOf(second)]).toEqual([account, account]);
  await cluster.clock.advance(10 * minute);
  expect([await userOf(first), await userOf(second)]).toEqual([undefined, account]);
  await cluster.client.delete(pods, { name: 'web', namespace: 'default' }, { gracePeriodSeconds: 0 });
  await cluster.clock.advance(1000);
  expect(await userOf(second)).toBeUndefined();
});

test('a token for another audience is no token for the API, and is renewed by its own time', async () => {
  const { vaultToken } = await startPod('web');
  const first = await vaultToken();
  expect(await userOf(first)).toBeUndefined();
  expect(await userOf(first, ['vault'])).toBe(account);
  await cluster.clock.advance(9 * minute);
  const second = await vaultToken();
  expect(second).not.toBe(first);
  await cluster.clock.advance(2 * minute);
  expect([await userOf(first, ['vault']), await userOf(second, ['vault'])]).toEqual([undefined, account]);
});
