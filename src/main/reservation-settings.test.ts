import { expect, test } from 'vitest';
import { reservationSettings } from './reservation-settings.ts';
import { UserError } from './user-error.ts';

test('options become what the node keeps back', () => {
  expect(reservationSettings({})).toEqual({
    kubeReserved: {},
    systemReserved: {},
    maxPods: 110,
    podsPerCore: 0,
    podPidsLimit: -1,
  });
  expect(reservationSettings({ kubeReserved: 'cpu=0.1', maxPods: 5, podMaxPids: 64 })).toMatchObject({
    kubeReserved: { cpu: '100m' },
    maxPods: 5,
    podPidsLimit: 64,
  });
});

test('what cannot be is the user’s error, and names the option', () => {
  expect(() => reservationSettings({ systemReserved: 'gpu=1' })).toThrow(
    new UserError('--system-reserved: cannot reserve "gpu" resource'),
  );
});
