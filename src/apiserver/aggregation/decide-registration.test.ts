import { expect, test } from 'vitest';
import type { APIService } from '../../api/generated/types.ts';
import { decideRegistration, type LocalGroupVersion, managedLabel, type Registration } from './decide-registration.ts';

const apps: LocalGroupVersion = { group: 'apps', version: 'v1', custom: false };
const custom: LocalGroupVersion = { group: 'example.com', version: 'v1', custom: true };
const registered = (name: string, label: string | undefined, groupPriorityMinimum: number): APIService => ({
  metadata: { name, uid: 'u', ...(label === undefined ? {} : { labels: { [managedLabel]: label } }) },
  spec: {
    group: name.slice(3),
    version: 'v1',
    groupPriorityMinimum,
    versionPriority: name === 'v1.apps' ? 15 : 100,
  },
});
const words = (action: Registration): string =>
  `${action.do} ${action.do === 'delete' ? action.name : (action.object.metadata?.name ?? '')}`;

test.each<[string, LocalGroupVersion[], APIService[], string[], string[]]>([
  ['what is served and not there', [apps, custom], [], [], ['create v1.apps', 'create v1.example.com']],
  [
    'what was taken away: custom ones only',
    [apps, custom],
    [],
    ['v1.apps', 'v1.example.com'],
    ['create v1.example.com'],
  ],
  ['what is as it should be', [apps], [registered('v1.apps', 'onstart', 17_800)], [], []],
  ['what was changed, at the start', [apps], [registered('v1.apps', 'onstart', 5)], [], ['update v1.apps']],
  ['what was changed, later', [apps], [registered('v1.apps', 'onstart', 5)], ['v1.apps'], []],
  [
    'what was changed of a custom one, always',
    [custom],
    [registered('v1.example.com', 'true', 5)],
    ['v1.example.com'],
    ['update v1.example.com'],
  ],
  [
    'what is no longer served',
    [],
    [registered('v1.example.com', 'true', 1000)],
    ['v1.example.com'],
    ['delete v1.example.com'],
  ],
  ["somebody else's", [custom], [registered('v1.example.com', undefined, 5)], [], []],
  ['a group of nobody', [], [registered('v1.other.example.com', undefined, 5)], [], []],
])('%s', (_what, local, current, synced, expected) =>
  expect(decideRegistration(local, current, new Set(synced)).map(words)).toEqual(expected),
);
