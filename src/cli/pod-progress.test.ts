// Tables for when `up --wait` is done with a pod.
import { expect, test } from 'vitest';
import type { ContainerStatus, Pod } from '../api/generated/types.ts';
import { podProgress } from './pod-progress.ts';

const running = (name: string, ready = true): ContainerStatus => ({
  name,
  ready,
  restartCount: 0,
  image: 'x',
  imageID: 'x',
  state: { running: {} },
});
const ended = (name: string, exitCode: number): ContainerStatus => ({
  name,
  ready: false,
  restartCount: 0,
  image: 'x',
  imageID: 'x',
  state: { terminated: { exitCode } },
});

function pod(
  restartPolicy: 'Always' | 'OnFailure' | 'Never',
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed',
  containerStatuses: ContainerStatus[],
  ready = false,
): Pod {
  return {
    metadata: { name: 'p' },
    spec: { restartPolicy, containers: containerStatuses.map(({ name }) => ({ name, image: 'x' })) },
    status: { phase, containerStatuses, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

test.each([
  ['not started yet', pod('Always', 'Pending', []), 'waiting'],
  ['ready', pod('Always', 'Running', [running('a')], true), 'ready'],
  ['running, not ready', pod('Always', 'Running', [running('a', false)]), 'waiting'],
  ['done', pod('Never', 'Succeeded', [ended('a', 0)]), 'completed'],
  ['failed', pod('Never', 'Failed', [ended('a', 1)]), 'failed'],
  ['the helper is done and the server runs on', pod('Never', 'Running', [running('a'), ended('b', 0)]), 'ready'],
  ['the helper failed for good', pod('Never', 'Running', [running('a'), ended('b', 2)]), 'failed'],
  [
    'the helper will be restarted after a failure',
    pod('OnFailure', 'Running', [running('a'), ended('b', 2)]),
    'waiting',
  ],
  ['the helper will be restarted always', pod('Always', 'Running', [running('a'), ended('b', 0)]), 'waiting'],
])('%s', (_, object, progress) => {
  expect(podProgress(object)).toBe(progress);
});
