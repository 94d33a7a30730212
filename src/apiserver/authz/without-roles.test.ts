// Where roles are not served, the authorizers that are configured hold all the same, with fixed rules in place of roles.

import { afterEach, expect, test } from 'vitest';
import { allKinds } from '../../api/kinds/all.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { servedKinds } from '../runtime-config.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';
import type { AuthorizationMode } from './modes.ts';

let t: TestServer | undefined;
afterEach(() => t?.server.close());

const pods = '/api/v1/pods';
const nodePods = { fieldSelector: 'spec.nodeName=a' };

test.each<[AuthorizationMode[], Record<string, string>]>([
  [['Node', 'RBAC'], { admin: 'ok', scheduler: 'ok', node: 'ok', jane: '403' }],
  [['RBAC'], { admin: 'ok', scheduler: 'ok', node: '403', jane: '403' }],
  [['AlwaysDeny'], { admin: 'ok', scheduler: 'ok', node: '403', jane: '403' }],
  [['AlwaysAllow'], { admin: 'ok', scheduler: 'ok', node: 'ok', jane: 'ok' }],
])('%j', async (modes, expected) => {
  const kinds = servedKinds(allKinds, 'rbac.authorization.k8s.io/v1=false');
  const { server } = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    kinds,
    authorization: () => modes,
  }).then((started) => (t = started));
  const listPods = async (name: string, ...groups: string[]): Promise<string> => {
    const { get } = verbs(server.inProcess({ name, groups: [...groups, 'system:authenticated'] }));
    return (await outcome(get(pods, nodePods))).split(' ')[0] ?? '';
  };
  expect({
    admin: await listPods('root', 'system:masters'),
    scheduler: await listPods('system:kube-scheduler'),
    node: await listPods('system:node:a', 'system:nodes'),
    jane: await listPods('jane'),
  }).toEqual(expected);
});
