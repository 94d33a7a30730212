import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import { formatMap, podFieldValue } from './field-path.ts';

const pod = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u-1',
    labels: { app: 'web', 'a.b/c': 'x' },
    annotations: { note: 'two\nlines' },
  },
  spec: { nodeName: 'n1', serviceAccountName: 'robot', containers: [] },
} as unknown as Pod;
const addresses = { podIPs: ['10.42.0.9', 'fd00::9'], hostIPs: ['192.0.2.1', '2001:db8::1'] };
const value = (fieldPath: string, apiVersion = 'v1'): string =>
  podFieldValue({ apiVersion, fieldPath }, pod, addresses);

describe('podFieldValue', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u-1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['a.b/c']", 'x'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['note']", 'two\nlines'],
    ['metadata.labels', 'a.b/c="x"\napp="web"'],
    ['metadata.annotations', 'note="two\\nlines"'],
    ['spec.nodeName', 'n1'],
    ['spec.host', 'n1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.hostIP', '192.0.2.1'],
    ['status.hostIPs', '192.0.2.1,2001:db8::1'],
    ['status.podIP', '10.42.0.9'],
    ['status.podIPs', '10.42.0.9,fd00::9'],
  ])('%s is %j', (path, expected) => expect(value(path)).toBe(expected));

  it('is empty before the pod has an address', () => {
    expect(podFieldValue({ fieldPath: 'status.podIP' }, pod, { podIPs: [], hostIPs: [] })).toBe('');
  });
  it.each([
    ['spec.containers', 'v1', 'field label not supported: spec.containers'],
    ["spec.x['y']", 'v1', "field label does not support subscript: spec.x['y']"],
    ['spec.restartPolicy', 'v1', 'unsupported fieldPath: spec.restartPolicy'],
    ['metadata.name', 'v2', 'unsupported pod version: v2'],
  ])('refuses %s in %s', (path, version, message) => expect(() => value(path, version)).toThrow(message));
});

it('formats maps sorted by bytes', () => {
  expect(formatMap({ b: '1', B: '2', a: '"q"' })).toBe('B="2"\na="\\"q\\""\nb="1"');
  expect(formatMap({})).toBe('');
});
