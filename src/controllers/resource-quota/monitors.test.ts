import { expect, test } from 'vitest';
import { notFound } from '../../api/meta/errors.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createMonitors } from './monitors.ts';

test('a resource that goes away between discovery and its first list holds up nobody', async () => {
  const api = createFakeApi();
  const resource = (name: string, kind: string) => ({
    name,
    kind,
    namespaced: true,
    verbs: ['list', 'watch', 'delete'],
  });
  api.intercept = ({ path }) => {
    if (path === '/apis') return { groups: [] } as object;
    if (path === '/api/v1')
      return { resources: [resource('things', 'Thing'), resource('secrets', 'Secret')] } as object;
    if (path === '/api/v1/things') throw notFound({ group: '', resource: 'things' }, '');
    return undefined;
  };
  api.put('secrets', { metadata: { name: 's', namespace: 'n' } });
  const clock = createVirtualClock();
  const context = {
    client: createClient(api),
    transport: api,
    clock,
    random: createSeededRandom(1),
    logger: silentLogger,
  };
  const monitors = createMonitors(context, () => {});
  const [things, secrets] = ['things', 'secrets'].map((name) => ({ group: '', resource: name }));
  const stop = new AbortController();
  let followed = false;
  void monitors.follow([things!, secrets!], stop.signal).then(() => (followed = true));
  await clock.settle();
  expect(followed).toBe(true);
  expect(monitors.objects(things!, 'n')).toBeUndefined();
  expect(monitors.objects(secrets!, 'n')).toHaveLength(1);
  stop.abort();
});
