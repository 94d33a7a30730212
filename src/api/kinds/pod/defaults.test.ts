import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../generated/types.ts';
import { computeQosClass } from '../../pod/qos.ts';
import { parseImageReference } from '../../pod/image-reference.ts';
import { podRequestNumbers } from '../../placement/pod-requests.ts';
import { checkObject } from '../../schema/decode.ts';
import { loadSchema } from '../../schema/load.ts';
import { setPodDefaults } from './defaults.ts';

function defaulted(spec: object): PodSpec {
  const pod: Pod = { spec: structuredClone(spec) as PodSpec };
  checkObject(loadSchema(), 'io.k8s.api.core.v1.Pod', pod);
  setPodDefaults(pod);
  const once = structuredClone(pod);
  setPodDefaults(pod);
  expect(pod).toEqual(once);
  return pod.spec ?? { containers: [] };
}

const plainContainer = {
  imagePullPolicy: 'Always',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const plainSpec = {
  dnsPolicy: 'ClusterFirst',
  enableServiceLinks: true,
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};

describe('what is filled in', () => {
  it('for the smallest pod', () => {
    expect(defaulted({ containers: [{ name: 'a', image: 'nginx' }] })).toEqual({
      ...plainSpec,
      containers: [{ name: 'a', image: 'nginx', ...plainContainer }],
    });
  });
  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1', 'IfNotPresent'],
    ['host:5000/nginx', 'Always'],
    ['host:5000/nginx:1', 'IfNotPresent'],
    [`nginx@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
    ['NGINX', 'IfNotPresent'],
    ['', 'IfNotPresent'],
  ])('pull policy of %s', (image, policy) => {
    expect(defaulted({ containers: [{ name: 'a', image }] }).containers[0]?.imagePullPolicy).toBe(policy);
  });
  it('for ports, probes, hooks and references', () => {
    const [container] = defaulted({
      hostNetwork: true,
      containers: [
        {
          name: 'a',
          image: 'i:1',
          ports: [{ containerPort: 80 }],
          livenessProbe: { httpGet: { port: 80 } },
          startupProbe: { grpc: { port: 1 } },
          lifecycle: { preStop: { httpGet: { port: 1 } } },
          env: [
            { name: 'A', value: '', valueFrom: { fieldRef: { fieldPath: 'x' } } },
            { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: '0.5' } },
        },
      ],
    }).containers;
    expect(container).toMatchObject({
      ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
      livenessProbe: {
        httpGet: { path: '/', scheme: 'HTTP' },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
      startupProbe: { grpc: { service: '' } },
      lifecycle: { preStop: { httpGet: { path: '/', scheme: 'HTTP' } } },
      env: [
        { name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1' } } },
        { valueFrom: { resourceFieldRef: { divisor: '0' } } },
      ],
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
    });
  });
  it('for volumes', () => {
    const { volumes } = defaulted({
      containers: [],
      volumes: [
        { name: 'a' },
        { name: 'b', hostPath: { path: '/x' } },
        { name: 'c', secret: { secretName: 's' } },
        { name: 'd', configMap: { name: 'c', defaultMode: 0 } },
        {
          name: 'e',
          projected: {
            sources: [
              { serviceAccountToken: { path: 't' } },
              { downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.name' } }] } },
            ],
          },
        },
      ],
    });
    expect(volumes).toEqual([
      { name: 'a', emptyDir: {} },
      { name: 'b', hostPath: { path: '/x', type: '' } },
      { name: 'c', secret: { secretName: 's', defaultMode: 420 } },
      { name: 'd', configMap: { name: 'c', defaultMode: 0 } },
      {
        name: 'e',
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { path: 't', expirationSeconds: 3600 } },
            { downwardAPI: { items: [{ path: 'p', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } },
          ],
        },
      },
    ]);
  });
  it('for both names of the service account', () => {
    expect(defaulted({ containers: [], serviceAccount: 'x' })).toMatchObject({
      serviceAccount: 'x',
      serviceAccountName: 'x',
    });
    expect(defaulted({ containers: [], serviceAccount: 'x', serviceAccountName: 'y' })).toMatchObject({
      serviceAccount: 'y',
      serviceAccountName: 'y',
    });
  });
  it('keeps zeros that mean something and drops the others', () => {
    const spec = defaulted({
      hostNetwork: false,
      automountServiceAccountToken: false,
      priority: 0,
      nodeName: '',
      nodeSelector: { a: '' },
      containers: [
        { name: 'a', image: 'i:1', args: [''], tty: false, securityContext: { runAsUser: 0, privileged: false } },
      ],
    });
    expect(spec).toEqual({
      ...plainSpec,
      automountServiceAccountToken: false,
      priority: 0,
      nodeSelector: { a: '' },
      containers: [
        {
          name: 'a',
          image: 'i:1',
          args: [''],
          ...plainContainer,
          imagePullPolicy: 'IfNotPresent',
          securityContext: { runAsUser: 0, privileged: false },
        },
      ],
    });
  });
  it('from the pod level to requests', () => {
    const spec = defaulted({
      resources: { limits: { cpu: '2', memory: '1Gi' } },
      containers: [{ name: 'a', image: 'i:1', resources: { requests: { cpu: '100m' } } }],
    });
    expect(spec.resources).toEqual({ limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '100m', memory: '1Gi' } });
  });
});

describe('quality of service', () => {
  const of = (...resources: object[]): string =>
    computeQosClass({ containers: resources.map((one, i) => ({ name: `c${i}`, resources: one })) });
  const full = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1024Mi' } };
  it.each([
    [[{}], 'BestEffort'],
    [[{ requests: { cpu: '0' } }], 'BestEffort'],
    [[full], 'Guaranteed'],
    [[full, {}], 'Burstable'],
    [[full, full], 'Guaranteed'],
    [[{ requests: { cpu: '1' } }], 'Burstable'],
    [[{ ...full, requests: { cpu: '1' } }], 'Burstable'],
    [[{ limits: { 'x.y/z': '1' } }], 'BestEffort'],
  ])('%j is %s', (resources, expected) => {
    expect(of(...resources)).toBe(expected);
  });
});

it('adds up requests as the scheduler counts them', () => {
  const cpu = (value: string): object => ({ image: 'i', resources: { requests: { cpu: value, memory: '10' } } });
  const spec = {
    overhead: { cpu: '10m' },
    initContainers: [
      { name: 's', restartPolicy: 'Always', ...cpu('100m') },
      { name: 'i', ...cpu('700m') },
    ],
    containers: [
      { name: 'a', ...cpu('200m') },
      { name: 'b', ...cpu('300m') },
    ],
  } as PodSpec;
  expect(Object.fromEntries(podRequestNumbers({ spec }))).toEqual({ cpu: 810, memory: 30 });
});

it.each([
  ['nginx', { domain: 'docker.io', path: 'library/nginx', tag: 'latest' }],
  ['a/b:1', { domain: 'docker.io', path: 'a/b', tag: '1' }],
  ['localhost/x', { domain: 'localhost', path: 'x', tag: 'latest' }],
  ['h:5000/x/y', { domain: 'h:5000', path: 'x/y', tag: 'latest' }],
  ['a b', undefined],
  ['x:', undefined],
  ['-x', undefined],
])('image name %s', (image, expected) => {
  expect(parseImageReference(image)).toEqual(expected);
});
