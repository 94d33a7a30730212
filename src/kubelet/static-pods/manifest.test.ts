// What becomes of a manifest file, and why some become nothing.
import { describe, expect, test } from 'vitest';
import { isStaticPod } from '../../api/pod/static-pod.ts';
import { ManifestError, readManifest } from './manifest.ts';

const origin = { path: '/manifests/web.yaml', nodeName: 'node-1' };
const web = `
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: c
    image: nginx
`;
const read = (text: string, more = {}) => readManifest(text, { ...origin, ...more });

describe('a manifest', () => {
  test('becomes a pod of this node, with its defaults', () => {
    const pod = read(web);
    const { uid } = pod.metadata ?? {};
    expect(uid).toMatch(/^[0-9a-f]{32}$/);
    expect(pod).toMatchObject({
      metadata: {
        name: 'web-node-1',
        namespace: 'default',
        annotations: { 'kubernetes.io/config.hash': uid, 'kubernetes.io/config.source': 'file' },
      },
      spec: {
        nodeName: 'node-1',
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [{ imagePullPolicy: 'Always', terminationMessagePath: '/dev/termination-log' }],
        tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      },
      status: { phase: 'Pending' },
    });
    expect(isStaticPod(pod)).toBe(true);
  });

  test('may be JSON, or the first document of several', () => {
    const json = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    });
    expect(read(json).metadata?.uid).toBe(read(web).metadata?.uid);
    expect(read(`# one\n---\n${web}---\napiVersion: v1\nkind: Secret\n`).metadata?.uid).toBe(read(web).metadata?.uid);
  });

  test('has a uid of its content, its file and its node, unless it names one', () => {
    const uids = [
      read(web),
      read(web.replace('nginx', 'nginx:2')),
      read(web, { path: '/manifests/other.yaml' }),
      read(web, { nodeName: 'n2' }),
      read(web.replace('name: web', 'name: web\n  uid: mine')),
    ].map((pod) => pod.metadata?.uid);
    expect(new Set(uids).size).toBe(5);
    expect(uids[4]).toBe('mine');
  });

  test('keeps its tolerations beside the one that it gets, which it gets once', () => {
    const tolerations = (text: string) => read(`${web}  tolerations:\n${text}`).spec?.tolerations?.length;
    expect(tolerations('  - {key: a, operator: Exists}\n')).toBe(2);
    expect(tolerations('  - {operator: Exists, effect: NoExecute}\n')).toBe(1);
  });
});

const spec = (more: string): string => web.replace('spec:\n', `spec:\n${more}`);
const volume = (source: string): string => spec(`  volumes:\n  - {name: v, ${source}}\n`);
const parse = (why: string): string => `/manifests/web.yaml: couldn't parse as pod(${why}), please check manifest file`;

test.each([
  ['no YAML', 'a: [', /^\/manifests\/web.yaml: couldn't parse as pod\(yaml: .*\), please check manifest file$/],
  ['nothing', '', parse('the manifest is no object')],
  ['no object', '- a', parse('the manifest is no object')],
  ['no kind', 'apiVersion: v1', parse("Object 'Kind' is missing")],
  ['another kind', web.replace('Pod', 'PodList'), parse('invalid pod: it is a PodList of v1')],
  [
    'a wrong type',
    spec('  hostNetwork: 5\n'),
    /couldn't parse as pod\(json: cannot unmarshal number into Go struct field/,
  ],
  ['no name', web.replace('name: web', 'labels: {}'), 'invalid pod: name is needed for the pod'],
  [
    'what no pod may be',
    spec('  restartPolicy: Sometimes\n'),
    /^invalid pod: \[spec.restartPolicy: Unsupported value: "Sometimes"/,
  ],
  ['a service account', spec('  serviceAccountName: x\n'), 'static pods may not reference serviceaccounts'],
  ['pull secrets', spec('  imagePullSecrets: [{name: s}]\n'), 'static pods may not reference secrets'],
  ['a secret volume', volume('secret: {secretName: s}'), 'static pods may not reference secrets'],
  [
    'a config map',
    volume('projected: {sources: [{configMap: {name: c}}]}'),
    'static pods may not reference configmaps',
  ],
  [
    'a config map in the environment',
    web.replace('image: nginx', 'image: nginx\n    envFrom: [{configMapRef: {name: c}}]'),
    'static pods may not reference configmaps',
  ],
  ['a claim', volume('persistentVolumeClaim: {claimName: c}'), 'static pods may not reference persistentvolumeclaims'],
  ['a CSI volume', volume('csi: {driver: d}'), 'static pods may not reference csidrivers (via CSI volumes)'],
])('is refused with %s', (_, text, message) => {
  const read_ = (): unknown => read(text);
  expect(read_).toThrow(ManifestError);
  expect(read_).toThrow(message);
});
