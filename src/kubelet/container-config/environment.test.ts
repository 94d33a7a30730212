import { describe, expect, it } from 'vitest';
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '../../api/generated/types.ts';
import { objectNotFound, type ObjectSource } from '../volumes/object-source.ts';
import { makeEnvironment } from './environment.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const configMaps: Record<string, ConfigMap> = {
  settings: { metadata: { name: 'settings' }, data: { COLOR: 'red', 'with.dot': 'x', '1ST': 'one' } },
  more: { metadata: { name: 'more' }, data: { COLOR: 'blue' } },
};
const secrets: Record<string, Secret> = {
  login: { metadata: { name: 'login' }, data: { user: base64('bob'), pass: base64('pä$$') } },
};
let reads: string[] = [];
const objects: ObjectSource = {
  async configMap(namespace, name) {
    reads.push(`configmap ${namespace}/${name}`);
    const found = configMaps[name];
    if (!found) throw objectNotFound('configmap', name);
    return found;
  },
  async secret(namespace, name) {
    reads.push(`secret ${namespace}/${name}`);
    const found = secrets[name];
    if (!found) throw objectNotFound('secret', name);
    return found;
  },
};
const services = [
  { metadata: { namespace: 'default', name: 'kubernetes' }, spec: { clusterIP: '10.43.0.1', ports: [{ port: 443 }] } },
] as unknown as Service[];
const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { app: 'web' } },
  spec: { nodeName: 'n1', enableServiceLinks: true, containers: [] },
} as unknown as Pod;

async function environmentOf(container: Partial<Container>, withServices = false): Promise<Record<string, string>> {
  reads = [];
  const values = await makeEnvironment(
    pod,
    { name: 'c', ...container },
    {
      objects,
      services: withServices ? services : [],
      nodeAllocatable: { cpu: '2' },
      podIPs: ['10.42.0.5'],
      hostIPs: ['192.0.2.1'],
      volumes: new Map([['v', '/vol']]),
      subPaths: {
        async readFile(root, path) {
          if (path !== 'env') throw new Error(`ENOENT: ${root}/${path}`);
          return Buffer.from("KEY='from a file'\nEMPTY=''\n");
        },
      },
    },
  );
  return Object.fromEntries(values);
}

describe('makeEnvironment', () => {
  it('expands references to what stands before, to envFrom and to services', async () => {
    const values = await environmentOf(
      {
        envFrom: [{ configMapRef: { name: 'settings' } }],
        env: [
          { name: 'A', value: 'a' },
          { name: 'B', value: '$(A)-$(COLOR)-$(LATER)-$$(A)' },
          { name: 'LATER', value: 'l' },
          { name: 'API', value: 'https://$(KUBERNETES_SERVICE_HOST)' },
          { name: 'KUBERNETES_SERVICE_PORT', value: '1' },
          { name: 'EMPTY' },
        ],
      },
      true,
    );
    expect(values).toMatchObject({
      B: 'a-red-$(LATER)-$(A)',
      API: 'https://10.43.0.1',
      KUBERNETES_SERVICE_PORT: '1',
      KUBERNETES_SERVICE_HOST: '10.43.0.1',
      EMPTY: '',
    });
  });

  it('lets the later envFrom win, and env over both, with prefixes', async () => {
    const values = await environmentOf({
      envFrom: [
        { configMapRef: { name: 'settings' } },
        { configMapRef: { name: 'more' } },
        { prefix: 'L_', secretRef: { name: 'login' } },
      ],
      env: [{ name: 'L_user', value: 'eve' }],
    });
    expect(values).toEqual({ '1ST': 'one', COLOR: 'blue', 'with.dot': 'x', L_pass: 'pä$$', L_user: 'eve' });
  });

  it('reads fields, resources and keys, each object once', async () => {
    const values = await environmentOf({
      resources: { limits: { memory: '64Mi' } },
      env: [
        { name: 'NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
        { name: 'APP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['app']" } } },
        { name: 'IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
        { name: 'HOST', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.hostIP' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOR' } } },
        { name: 'D', valueFrom: { configMapKeyRef: { name: 'settings', key: 'with.dot' } } },
        { name: 'S', valueFrom: { secretKeyRef: { name: 'login', key: 'pass' } } },
        // A literal wins over a source, though validation never lets both through.
        { name: 'BOTH', value: 'v', valueFrom: { secretKeyRef: { name: 'none', key: 'x' } } },
      ],
    });
    expect(values).toEqual({
      NAME: 'web',
      APP: 'web',
      IP: '10.42.0.5',
      HOST: '192.0.2.1',
      MEM: '64',
      CPU: '2',
      C: 'red',
      D: 'x',
      S: 'pä$$',
      BOTH: 'v',
    });
    expect(reads).toEqual(['configmap shop/settings', 'secret shop/login']);
  });

  it('leaves optional variables out', async () => {
    const values = await environmentOf({
      envFrom: [{ configMapRef: { name: 'gone', optional: true } }, { secretRef: { name: 'gone', optional: true } }],
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'gone', key: 'k', optional: true } } },
        { name: 'B', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k', optional: true } } },
        { name: 'C', valueFrom: { secretKeyRef: { name: 'login', key: 'k', optional: true } } },
        { name: 'D', valueFrom: { secretKeyRef: { name: 'gone', key: 'k', optional: true } } },
      ],
    });
    expect(values).toEqual({});
  });

  const fileVariable = (volumeName: string, path: string, key: string, optional = false): EnvVar => ({
    name: `F_${key}`,
    valueFrom: { fileKeyRef: { volumeName, path, key, optional } },
  });
  it('reads keys of files', async () => {
    const env = [fileVariable('v', 'env', 'KEY'), fileVariable('v', 'env', 'EMPTY', true)];
    expect(await environmentOf({ env })).toEqual({ F_KEY: 'from a file' });
  });

  const failures: [string, Partial<Container>, string][] = [
    ['configMap', { envFrom: [{ configMapRef: { name: 'gone' } }] }, 'configmap "gone" not found'],
    ['secret', { envFrom: [{ secretRef: { name: 'gone' } }] }, 'secret "gone" not found'],
    [
      'configMap key',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }] },
      "couldn't find key k in ConfigMap shop/settings",
    ],
    [
      'secret key',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'login', key: 'k' } } }] },
      "couldn't find key k in Secret shop/login",
    ],
    [
      'object of a key',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'gone', key: 'k' } } }] },
      'secret "gone" not found',
    ],
    ['file', { env: [fileVariable('v', 'gone', 'KEY')] }, "couldn't parse env file"],
    [
      'volume of a file',
      { env: [fileVariable('w', 'env', 'KEY')] },
      'cannot find the volume "w" referenced by FileKeyRef',
    ],
    [
      'key of a file',
      { env: [fileVariable('v', 'env', 'NONE')] },
      'environment variable key "NONE" not found in file "/vol/env"',
    ],
  ];
  it.each(failures)('fails on a missing %s', async (_, container, message) => {
    await expect(environmentOf(container)).rejects.toThrow(message);
  });
});
