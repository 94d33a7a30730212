import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/generated/types.ts';
import { resourceFieldValue } from './resource-field.ts';

const app: Container = {
  name: 'app',
  resources: { limits: { cpu: '1500m', memory: '100Mi' }, requests: { cpu: '250m', memory: '64Mi' } },
};
const bare: Container = { name: 'bare', resources: { requests: { 'hugepages-2Mi': '4Mi' } } };
const pod = { metadata: { name: 'p' }, spec: { containers: [app], initContainers: [bare] } } as unknown as Pod;
const allocatable = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' };

describe('resourceFieldValue', () => {
  it.each([
    ['app', 'limits.cpu', undefined, '2'],
    ['app', 'limits.cpu', '1m', '1500'],
    ['app', 'limits.cpu', '1', '2'],
    ['app', 'limits.cpu', '0', '2'],
    ['app', 'requests.cpu', '1m', '250'],
    ['app', 'limits.memory', undefined, '104857600'],
    ['app', 'limits.memory', '1Mi', '100'],
    ['app', 'requests.memory', '60Mi', '2'],
    ['bare', 'limits.cpu', '1m', '4000'],
    ['bare', 'limits.memory', '1Gi', '8'],
    ['bare', 'limits.ephemeral-storage', '1Gi', '10'],
    ['bare', 'requests.ephemeral-storage', undefined, '0'],
    ['bare', 'requests.hugepages-2Mi', '1Mi', '4'],
  ])('%s %s / %s = %s', (containerName, resource, divisor, expected) => {
    const selector = { containerName, resource, ...(divisor === undefined ? {} : { divisor }) };
    expect(resourceFieldValue(selector, pod, allocatable)).toBe(expected);
  });

  it('takes the own container where none is named', () => {
    expect(resourceFieldValue({ resource: 'requests.cpu', divisor: '1m' }, pod, {}, app)).toBe('250');
  });
  it('takes pod-level limits before the node', () => {
    const limited = { ...pod, spec: { ...pod.spec, resources: { limits: { cpu: '3' } } } } as unknown as Pod;
    expect(resourceFieldValue({ resource: 'limits.cpu' }, limited, allocatable, bare)).toBe('3');
  });
  it('refuses what it does not know', () => {
    expect(() => resourceFieldValue({ resource: 'limits.gpu' }, pod, {}, app)).toThrow(
      'unsupported container resource : limits.gpu',
    );
    expect(() => resourceFieldValue({ resource: 'limits.cpu', containerName: 'x' }, pod, {})).toThrow(
      'container x not found',
    );
  });
});
