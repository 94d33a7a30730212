import { expect, test } from 'vitest';
import { apiPage, differences, plugins, servedResources, unexplained } from './api-table.ts';

const served = await servedResources();

test('the page lists what a server tells of itself', () => {
  const lines = apiPage(served).split('\n');
  const podLine = lines.find((line) => line.startsWith('| v1 | pods | Pod | po | namespace | all | '));
  expect(podLine).toContain('attach (create, get)');
  expect(
    lines.some((line) =>
      line.startsWith('| networking.k8s.io/v1 | ingresses | Ingress | ing | namespace | all | status'),
    ),
  ).toBe(true);
  expect(lines.some((line) => line.startsWith('| authorization.k8s.io/v1 | subjectaccessreviews | '))).toBe(true);
});

test('every difference from Kubernetes has a reason', () => {
  expect(unexplained(served)).toEqual([]);
});

test('what is changed, missing or too much is a difference', () => {
  const { pods, secrets, ...rest } = served['v1'] ?? {};
  if (!pods || !secrets) throw new Error('no pods');
  const { status: _, ...subresources } = pods.subresources ?? {};
  const changed = { ...rest, pods: { ...pods, shortNames: ['p'], subresources }, extras: secrets };
  const found = differences({ ...served, v1: changed }).map(({ at, text }) => `${at}: ${text}`);
  expect(found).toContain('v1/pods#shortNames: shortNames: p; Kubernetes has po');
  expect(found).toContain('v1/pods/status: not served');
  expect(found).toContain('v1/secrets: not served');
  expect(found).toContain('v1/extras: Kubernetes does not serve it');
});

test('plugins are on, off or not built', () => {
  const states = new Map(plugins().map(({ name, state }) => [name as string, state]));
  expect(states.get('DefaultIngressClass')).toBe('on');
  expect(states.get('AlwaysPullImages')).toBe('off');
  expect(states.get('JobValidation')).toBe('not built');
});
