// What is done about a static pod and its mirror, by what is there.
import { expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { decideStaticPod, type StaticPodAction, type StaticPodSnapshot } from './decide-static-pod.ts';

const wanted = (hash: string): Pod => ({
  metadata: { namespace: 'default', name: 'web-n', uid: hash, annotations: { 'kubernetes.io/config.hash': hash } },
});
const mirror = (hash: string, more: object = {}): Pod => ({
  metadata: {
    namespace: 'default',
    name: 'web-n',
    uid: `m-${hash}`,
    annotations: { 'kubernetes.io/config.mirror': hash },
    ...more,
  },
});
const runs = (uid: string) => ({ uid, ending: false });
const ends = (uid: string) => ({ uid, ending: true });
const base: StaticPodSnapshot = { wanted: undefined, workers: [], mirror: undefined, nodeUid: 'node', synced: true };

const shown = (action: StaticPodAction): string =>
  [action.type, 'uid' in action ? action.uid : '', 'pod' in action ? action.pod.metadata?.uid : '']
    .filter(Boolean)
    .join(' ');

test.each<[string, Partial<StaticPodSnapshot>, string[]]>([
  ['a new manifest', { wanted: wanted('a') }, ['start a', 'create-mirror a']],
  ['a new manifest before the node is known', { wanted: wanted('a'), nodeUid: undefined }, ['start a', 'await-node']],
  ['a pod with its mirror', { wanted: wanted('a'), workers: [runs('a')], mirror: mirror('a') }, ['update a']],
  ['a mirror that is gone', { wanted: wanted('a'), workers: [runs('a')] }, ['update a', 'create-mirror a']],
  [
    'a mirror that somebody deletes',
    { wanted: wanted('a'), workers: [runs('a')], mirror: mirror('a', { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    ['update a', 'delete-mirror m-a', 'create-mirror a'],
  ],
  [
    'a mirror of an earlier form',
    { wanted: wanted('b'), workers: [runs('b')], mirror: mirror('a') },
    ['update b', 'delete-mirror m-a', 'create-mirror b'],
  ],
  ['a changed manifest', { wanted: wanted('b'), workers: [runs('a')], mirror: mirror('a') }, ['end a']],
  ['a changed manifest while the pod ends', { wanted: wanted('b'), workers: [ends('a')], mirror: mirror('a') }, []],
  [
    'a changed manifest once it has ended',
    { wanted: wanted('b'), mirror: mirror('a') },
    ['start b', 'delete-mirror m-a', 'create-mirror b'],
  ],
  [
    'a manifest that is back while its pod ends',
    { wanted: wanted('a'), workers: [ends('a')], mirror: mirror('a') },
    [],
  ],
  ['a removed manifest', { workers: [runs('a')], mirror: mirror('a') }, ['end a']],
  ['a removed manifest once its pod has ended', { mirror: mirror('a') }, ['delete-mirror m-a']],
  ['a mirror of nothing while a source is silent', { mirror: mirror('a'), synced: false }, []],
  ['nothing', {}, []],
])('%s', (_, snapshot, actions) => {
  expect(decideStaticPod({ ...base, ...snapshot }).map(shown)).toEqual(actions);
});
