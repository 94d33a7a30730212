// Properties of lists and watches over random histories: what a watch tells is what a later list shows, whatever is selected.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeList, KubeObject } from '../api/meta/types.ts';
import { matchesFields, parseFieldSelector } from '../api/meta/field-selector.ts';
import { matchesLabels, parseLabelSelector } from '../api/meta/label-selector.ts';
import { podKind } from '../api/kinds/pod/definition.ts';
import type { Pod } from '../api/generated/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { gather, startTestServer, verbs } from './test-server.ts';

type Verbs = ReturnType<typeof verbs>;

/** Pods need no service account here. */
const plain = { admissionPlugins: new Set<never>() };
const namespaces = ['default', 'kube-public'];
const names = ['a', 'b', 'c', 'd'];
const nodes = ['n1', 'n2'];

/** Something that is done to one pod; what cannot be done (it is not there, it is bound already) is let be. */
type Step =
  | { do: 'create' | 'delete'; namespace: string; name: string }
  | { do: 'label'; namespace: string; name: string; value: string | null }
  | { do: 'bind'; namespace: string; name: string; node: string };

const at = { namespace: fc.constantFrom(...namespaces), name: fc.constantFrom(...names) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('create' as const), ...at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), ...at }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('label' as const), ...at, value: fc.constantFrom('1', '2', null) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('bind' as const), ...at, node: fc.constantFrom(...nodes) }) },
);

const selectors = fc.record({
  path: fc.constantFrom('/api/v1/pods', ...namespaces.map((namespace) => `/api/v1/namespaces/${namespace}/pods`)),
  labelSelector: fc.constantFrom('', 'x=1', 'x!=1', 'x in (1,2)', '!x', 'x', 'x>1'),
  fieldSelector: fc.constantFrom(
    '',
    'spec.nodeName=n1',
    'spec.nodeName=',
    'spec.nodeName!=n2',
    'metadata.name=a',
    'metadata.name=a,spec.nodeName=n1',
    'metadata.namespace=default',
    'metadata.namespace!=default,status.phase=Pending',
  ),
});

async function perform(api: Verbs, each: Step): Promise<void> {
  const pods = `/api/v1/namespaces/${each.namespace}/pods`;
  const work = (): Promise<unknown> => {
    switch (each.do) {
      case 'create':
        return api.post(pods, { metadata: { name: each.name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
      case 'delete':
        return api.del(`${pods}/${each.name}`, { gracePeriodSeconds: 0 });
      case 'label':
        return api.patch(`${pods}/${each.name}`, 'merge-patch+json', { metadata: { labels: { x: each.value } } });
      case 'bind':
        return api.post(`${pods}/${each.name}/binding`, { metadata: { name: each.name }, target: { name: each.node } });
      default:
        return each satisfies never;
    }
  };
  await work().catch(() => {});
}

const idOf = ({ metadata }: KubeObject): string => `${metadata?.namespace}/${metadata?.name}`;
const byId = (items: readonly KubeObject[]): Map<string, KubeObject> =>
  new Map(items.map((item) => [idOf(item), item]));
const list = async (api: Verbs, path: string, query: Record<string, string>): Promise<KubeList> => {
  const { metadata, items } = (await api.get(path, query)) as KubeList;
  // Items of a list name no kind of their own in some readers; here they are the objects themselves.
  return { metadata, items } as KubeList;
};

/** The pods that a selector shows, found without the server's indexes. */
function selected(all: readonly KubeObject[], path: string, labels: string, fields: string): KubeObject[] {
  const namespace = /namespaces\/([^/]+)/.exec(path)?.[1];
  return all.filter(
    (pod) =>
      (namespace === undefined || pod.metadata?.namespace === namespace) &&
      matchesLabels(parseLabelSelector(labels), pod.metadata?.labels ?? {}) &&
      matchesFields(parseFieldSelector(fields), {
        'metadata.name': pod.metadata?.name ?? '',
        'metadata.namespace': pod.metadata?.namespace ?? '',
        ...podKind.selectableFields?.(pod as Pod),
      }),
  );
}

test('a list and the watch from its version on give what a later list gives, however it is selected', async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.array(step, { maxLength: 25 }),
      fc.array(selectors, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (before, after, watched, streaming) => {
        const clock = createVirtualClock();
        const { server, admin } = await startTestServer(clock, createSeededRandom(1), plain);
        const api = verbs(admin);
        for (const each of before) await perform(api, each);
        const watches = await Promise.all(
          watched.map(async ({ path, labelSelector, fieldSelector }) => {
            const query = { labelSelector, fieldSelector };
            const first = streaming ? undefined : await list(api, path, query);
            const from = first === undefined ? {} : { resourceVersion: first.metadata.resourceVersion ?? '' };
            const watch = gather(admin, path, { ...query, ...from, allowWatchBookmarks: 'true', timeoutSeconds: '60' });
            return { path, query, known: byId(first?.items ?? []), watch };
          }),
        );
        for (const each of after) await perform(api, each);
        await clock.advance(60_000);
        const { items: all } = await list(api, '/api/v1/pods', {});
        for (const { path, query, known, watch } of watches) {
          await watch.done;
          told += watch.events.length;
          let revision = 0;
          for (const { type, object } of watch.events) {
            const own = Number(object.metadata?.resourceVersion);
            // What is there at the start comes in the order of its names, all else in the order of time.
            if (!streaming || type === 'BOOKMARK') expect(own).toBeGreaterThanOrEqual(revision);
            revision = Math.max(own, revision);
            if (type === 'ADDED') expect(known.has(idOf(object))).toBe(false);
            if (type === 'MODIFIED') expect(known.has(idOf(object))).toBe(true);
            if (type === 'DELETED') expect(known.delete(idOf(object))).toBe(true);
            else if (type !== 'BOOKMARK') known.set(idOf(object), object);
          }
          const { items } = await list(api, path, query);
          expect(known).toEqual(byId(items));
          expect(items).toEqual(selected(all, path, query.labelSelector, query.fieldSelector));
        }
        await server.close();
      },
    ),
    { numRuns: 30 },
  );
  // There is something to compare, and not bookmarks only.
  expect(told).toBeGreaterThan(30);
});

test('chunks put together are the list as of the first, whatever happens between them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 20 }),
      fc.array(fc.array(step, { maxLength: 4 }), { minLength: 9, maxLength: 9 }),
      selectors,
      fc.integer({ min: 1, max: 3 }),
      async (before, between, { path, labelSelector, fieldSelector }, limit) => {
        const { server, admin } = await startTestServer(createVirtualClock(), createSeededRandom(1), plain);
        const api = verbs(admin);
        for (const each of before) await perform(api, each);
        const query = { labelSelector, fieldSelector };
        const whole = await list(api, path, query);
        const items: KubeObject[] = [];
        let token = '';
        for (const steps of between) {
          const more = token === '' ? {} : { continue: token };
          const page = await list(api, path, { ...query, limit: String(limit), ...more });
          items.push(...page.items);
          token = page.metadata.continue ?? '';
          if (token === '') break;
          expect(page.items.length).toBe(limit);
          for (const each of steps) await perform(api, each);
        }
        expect(items).toEqual(whole.items);
        await server.close();
      },
    ),
    { numRuns: 30 },
  );
});
