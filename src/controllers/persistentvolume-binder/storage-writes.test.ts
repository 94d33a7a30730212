import { expect, test } from 'vitest';
import type { PersistentVolume } from '../../api/generated/types.ts';
import { createClient } from '../../client/create-client.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { createStorageWrites } from './storage-writes.ts';

const { signal } = new AbortController();
const released = (more: object = {}): PersistentVolume => ({
  metadata: { name: 'v', uid: 'v-1' },
  spec: {
    persistentVolumeReclaimPolicy: 'Delete',
    hostPath: { path: '/tmp/x' },
    claimRef: { namespace: 'n', name: 'c', uid: 'c-1' },
    ...more,
  },
  status: { phase: 'Released' },
});

function setUp(stored: PersistentVolume | undefined, remove?: () => Promise<void>) {
  const api = createFakeApi();
  if (stored) api.put('persistentvolumes', stored);
  const removed: string[] = [];
  const told: string[] = [];
  const writes = createStorageWrites({
    client: createClient(api),
    events: { event: (_, type, reason, message) => void told.push(`${type} ${reason} ${message}`) },
    removeHostPath: remove ?? (async (path) => void removed.push(path)),
  });
  return { api, writes, removed, told };
}

test('a released volume goes with what is on it', async () => {
  const { api, writes, removed } = setUp(released());
  await writes.deleteWithHostPath(released(), '/tmp/x', signal);
  expect(removed).toEqual(['/tmp/x']);
  expect(api.writes.map(({ line, body }) => [line, (body as { preconditions?: unknown }).preconditions])).toEqual([
    ['DELETE /api/v1/persistentvolumes/v', { uid: 'v-1' }],
  ]);
});

test.each<[string, PersistentVolume | undefined]>([
  ['is to be kept now', released({ persistentVolumeReclaimPolicy: 'Retain' })],
  ['is free for another claim', released({ claimRef: undefined })],
  ['is another claim’s', released({ claimRef: { namespace: 'n', name: 'd', uid: 'd-1' } })],
  ['has other contents', released({ hostPath: { path: '/tmp/y' } })],
  ['was made anew under its name', { ...released(), metadata: { name: 'v', uid: 'v-2' } }],
  ['is gone', undefined],
])('nothing is deleted by old knowledge of a volume that %s', async (_, stored) => {
  const { api, writes, removed } = setUp(stored);
  await writes.deleteWithHostPath(released(), '/tmp/x', signal);
  expect(removed).toEqual([]);
  expect(api.writes).toEqual([]);
});

test('why a volume failed is told, and stays with it until its phase changes', async () => {
  const { writes, told } = setUp(released(), () => Promise.reject(new Error('busy')));
  const failed = await writes.deleteWithHostPath(released(), '/tmp/x', signal);
  expect(failed.status).toEqual({ phase: 'Failed', message: 'busy' });
  expect(told).toEqual(['Warning VolumeFailedDelete busy']);
  const free = await writes.setVolumePhase(failed, 'Available', undefined, signal);
  expect(free.status).toEqual({ phase: 'Available' });
});
