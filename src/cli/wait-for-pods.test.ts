// What is shown while pods are waited for.
import { expect, test } from 'vitest';
import type { Pod } from '../api/generated/types.ts';
import { lineView, liveTableView, podTable } from './wait-for-pods.ts';

const now = Date.UTC(2026, 0, 1, 0, 1);
const pod = (name: string, phase: 'Pending' | 'Running', ready = false): Pod => ({
  metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:50Z' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: {
    phase,
    containerStatuses: [
      {
        name: 'c',
        ready,
        restartCount: 0,
        image: 'i',
        imageID: '',
        state: ready ? { running: {} } : { waiting: { reason: 'ContainerCreating' } },
      },
    ],
  },
});

test('the table is that of kubectl get pods', () => {
  expect(podTable([pod('web', 'Running', true), pod('longer-name', 'Pending')], now)).toEqual([
    'NAME          READY   STATUS              RESTARTS   AGE',
    'web           1/1     Running             0          10s',
    'longer-name   0/1     ContainerCreating   0          10s',
  ]);
});

test('lines only where something changed', () => {
  const lines: string[] = [];
  const view = lineView(
    (line) => lines.push(line),
    () => now,
  );
  for (const next of [pod('web', 'Pending'), pod('web', 'Pending'), pod('web', 'Running', true)])
    view.changed(next, [next]);
  expect(lines).toEqual(['pod web ContainerCreating 0/1', 'pod web Running 1/1']);
});

test('a terminal shows one table, drawn again over itself', () => {
  let text = '';
  const view = liveTableView(
    (more) => (text += more),
    () => now,
  );
  view.changed(pod('web', 'Pending'), [pod('web', 'Pending')]);
  view.changed(pod('web', 'Running', true), [pod('web', 'Running', true)]);
  expect(text.split('\u001b[2A')).toHaveLength(2);
  expect(text.split('\u001b[2A')[1]).toContain('web    1/1     Running');
});
