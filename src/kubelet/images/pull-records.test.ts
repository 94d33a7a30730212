// What is remembered of pulls, over restarts of the kubelet and damage to its files.
import { beforeEach, expect, test } from 'vitest';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createPullRecords, type PullRecords } from './pull-records.ts';
import type { PullCredential } from './registry-credentials.ts';

const clock = { now: () => 0, monotonic: () => 0, after: () => ({ cancel() {} }) };
const mine: PullCredential = {
  auth: { username: 'u', password: 'p' },
  secret: { uid: '1', namespace: 'ns', name: 's', credentialHash: 'h' },
};
let files: Files;
const again = (): PullRecords => createPullRecords({ root: '/root', files, clock });
const pulled = '/root/image_manager/pulled';
beforeEach(async () => {
  files = createMemoryFiles({ now: () => 0 });
  await files.mkdir('/root', { recursive: true });
});

test('an image that a secret pulled is for who has the secret, also after a restart', async () => {
  const records = again();
  await records.begin('quay.io/app:1');
  await records.succeeded('quay.io/app:1', 'sha256:a', mine.secret);
  for (const known of [records, again()]) {
    expect(await known.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(true);
    expect(await known.mustPull('quay.io/app:2', 'sha256:a', [mine])).toBe(false);
    expect(await known.mustPull('docker.io/other:1', 'sha256:a', [mine])).toBe(true);
    expect(await known.mustPull('quay.io/app:1', 'sha256:b', [])).toBe(false);
  }
  expect(await files.readdir('/root/image_manager/pulling')).toEqual([]);
  const [name = ''] = await files.readdir(pulled);
  const stored = (await files.readFile(`${pulled}/${name}`)).toString();
  expect(JSON.parse(stored)).toMatchObject({ kind: 'ImagePulledRecord', imageRef: 'sha256:a' });
  expect(stored).not.toContain('"p"');
  expect(((await files.stat(`${pulled}/${name}`))?.mode ?? 0) & 0o777).toBe(0o600);
});

test('a pull that was cut off leaves no image for anybody; one that failed is forgotten', async () => {
  await again().begin('quay.io/app:1');
  expect(await again().mustPull('quay.io/app:1', 'sha256:a', [mine])).toBe(true);
  const records = again();
  await records.begin('quay.io/app:2');
  await records.begin('quay.io/app:2');
  await records.failed('quay.io/app:2');
  expect(await records.mustPull('quay.io/app:2', 'sha256:a', [])).toBe(true);
  await records.failed('quay.io/app:2');
  expect(await records.mustPull('quay.io/app:2', 'sha256:a', [])).toBe(false);
});

test('a record that cannot be read lets nobody in without a pull', async () => {
  const records = again();
  await records.succeeded('quay.io/app:1', 'sha256:a', undefined);
  expect(await records.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(false);
  const [name = ''] = await files.readdir(pulled);
  await files.writeFile(`${pulled}/${name}`, '{');
  expect(await again().mustPull('quay.io/app:1', 'sha256:a', [])).toBe(true);
});

test('a record is read once, and followed in memory from then on', async () => {
  const records = again();
  await records.succeeded('quay.io/app:1', 'sha256:a', mine.secret);
  const fresh = again();
  expect(await fresh.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(true);
  files.lstat = () => Promise.reject(new Error('read again'));
  expect(await fresh.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(true);
  await fresh.succeeded('quay.io/app:1', 'sha256:a', undefined);
  expect(await fresh.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(false);
});

test('records of images that are gone are dropped', async () => {
  const records = again();
  await records.prune(new Set());
  await records.succeeded('quay.io/app:1', 'sha256:a', mine.secret);
  await records.succeeded('quay.io/app:2', 'sha256:b', mine.secret);
  await records.prune(new Set(['sha256:b']));
  expect(await files.readdir(pulled)).toHaveLength(1);
  expect(await records.mustPull('quay.io/app:1', 'sha256:a', [])).toBe(false);
  expect(await records.mustPull('quay.io/app:2', 'sha256:b', [])).toBe(true);
});
