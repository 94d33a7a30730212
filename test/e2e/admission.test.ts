// What the API server makes of pods before they are stored, through kubectl: options of Kubernetes' own, priority and runtime classes,
// limit ranges, Pod Security, tolerations of taints, quotas, webhooks and presets; and what becomes of it in real containers.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../src/api/generated/types.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { createMemoryFiles } from '../../src/sim/memory-files.ts';
import { podCgroupFile } from '../support/cgroup-files.ts';
import { eventually } from '../support/eventually.ts';
import { noContainers, type Peapod, repository, startPeapod } from '../support/peapod.ts';
import { patchOf, startWebhookServer } from '../support/webhook-server.ts';

let peapod: Peapod;
const runtime = noContainers ? 'simulated' : 'containerd';
const hasCrun = ['/usr/bin/crun', '/usr/sbin/crun', '/usr/local/bin/crun'].some((path) => existsSync(path));
beforeAll(async () => {
  const presets = [
    '--enable-admission-plugins=NodeRestriction,PodPreset',
    '--runtime-config=settings.k8s.io/v1alpha1=true',
  ];
  peapod = await startPeapod({ runtime, args: ['--allow-privileged=false', '--controllers=*,-ttl', ...presets] });
});
afterAll(() => peapod?.dispose());

const kubectl = (...args: string[]): Promise<string> => peapod.kubectl(args);
const attempt = (...args: string[]) => peapod.tryKubectl(args);
const apply = (object: object) => peapod.tryKubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
const pod = (name: string, spec: Partial<PodSpec> = {}, namespace = 'default'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'busybox:1.28', command: ['sleep', '600'] }],
    ...spec,
  },
});
async function made(object: object): Promise<void> {
  const { code, stderr } = await apply(object);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}
const get = async (name: string, namespace = 'default'): Promise<Pod> =>
  JSON.parse(await kubectl('-n', namespace, 'get', 'pod', name, '-o', 'json')) as Pod;
const ready = (name: string): Promise<string> =>
  kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
const eventMessages = async (name: string, reason: string): Promise<string[]> =>
  (
    JSON.parse(
      await kubectl('get', 'events', '-o', 'json', '--field-selector', `involvedObject.name=${name},reason=${reason}`),
    ) as { items: { message: string }[] }
  ).items.map(({ message }) => message);

test.each([
  [['--enable-admission-plugins=Nonsense'], 'enable-admission-plugins plugin "Nonsense" is unknown'],
  [['--enable-admission-plugins=PodGroupProtection'], 'plugin "PodGroupProtection" is not built into Peapod'],
  [['--controllers=*,-nonsense'], '"nonsense" is not in the list of known controllers'],
  [['--feature-gates=Nonsense=true'], 'unrecognized feature gate: Nonsense'],
  [['--runtime-config=nonsense/v1=true'], 'unknown api groups nonsense'],
  [['--allow-privileged=perhaps'], 'wants true or false'],
])('%j ends the start', async (args, why) => {
  const { code, stderr } = await peapod.command(['up', ...args]);
  expect(code).toBe(1);
  expect(stderr).toContain(why);
});

test('--allow-privileged=false refuses privileged containers', async () => {
  const securityContext = { privileged: true };
  const { code, stderr } = await apply(
    pod('privileged', { containers: [{ name: 'c', image: 'busybox:1.28', securityContext }] }),
  );
  expect(code).toBe(1);
  expect(stderr).toBe(
    'The Pod "privileged" is invalid: spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy\n',
  );
});

test('kubectl knows the new kinds', async () => {
  expect(await kubectl('get', 'pc')).toMatch(
    /^NAME +VALUE +GLOBAL-DEFAULT +AGE +PREEMPTIONPOLICY\nsystem-cluster-critical +2000000000 +false +\d+s +PreemptLowerPriority\nsystem-node-critical +2000001000 +false +\d+s +PreemptLowerPriority\n$/,
  );
  const explained = await Promise.all(
    ['priorityclass.value', 'runtimeclass.overhead.podFixed', 'limitrange.spec.limits.maxLimitRequestRatio'].map(
      (path) => kubectl('explain', path),
    ),
  );
  expect(explained.map((text) => /^FIELD: (.*)$/m.exec(text)?.[1])).toEqual([
    'value <integer>',
    'podFixed <map[string]Quantity>',
    'maxLimitRequestRatio <map[string]Quantity>',
  ]);
});

test('a pod has the priority of its class, and describe shows it', async () => {
  await kubectl('create', 'priorityclass', 'high', '--value=1000', '--description=first', '--preemption-policy=Never');
  await made(pod('prior', { priorityClassName: 'high' }));
  expect((await get('prior')).spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' });
  const described = await kubectl('describe', 'pod', 'prior');
  expect(described).toMatch(/^Priority: +1000$/m);
  expect(described).toMatch(/^Priority Class Name: +high$/m);
  expect(described).toMatch(
    /^Tolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s\n +node\.kubernetes\.io\/unreachable:NoExecute op=Exists for 300s$/m,
  );
  expect((await apply(pod('none', { priorityClassName: 'none' }))).stderr).toContain(
    'pods "none" is forbidden: no PriorityClass with name none was found',
  );
  expect((await attempt('delete', 'pc', 'system-node-critical')).stderr).toContain('cannot be deleted');
});

test('a quota lets in no more than there is room for, and shows what is used', async () => {
  await kubectl('create', 'namespace', 'limited');
  await kubectl('-n', 'limited', 'create', 'quota', 'small', '--hard=pods=1,requests.cpu=1,count/secrets=1');
  await eventually('the quota is counted', async () =>
    (await kubectl('-n', 'limited', 'get', 'quota', 'small')).includes('pods: 0/1'),
  );
  const asking = (cpu: string): Partial<PodSpec> => ({
    containers: [{ name: 'c', image: 'busybox:1.28', command: ['sleep', '600'], resources: { requests: { cpu } } }],
  });
  expect((await apply(pod('silent', {}, 'limited'))).stderr).toContain(
    'pods "silent" is forbidden: failed quota: small: must specify requests.cpu for: c',
  );
  await made(pod('first', asking('500m'), 'limited'));
  expect((await apply(pod('second', asking('600m'), 'limited'))).stderr).toBe(
    'Error from server (Forbidden): error when creating "STDIN": pods "second" is forbidden: exceeded quota: small, requested: pods=1,requests.cpu=600m, used: pods=1,requests.cpu=500m, limited: pods=1,requests.cpu=1\n',
  );
  expect(await kubectl('-n', 'limited', 'describe', 'quota', 'small')).toMatch(/^pods +1 +1\nrequests\.cpu +500m +1$/m);
  await kubectl('-n', 'limited', 'delete', 'pod', 'first', '--now');
  await eventually(
    'there is room again',
    async () => (await apply(pod('second', asking('600m'), 'limited'))).code === 0,
  );
});

test('webhooks change and refuse what kubectl sends, and what it opens', async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const hooks = await startWebhookServer(pki.apiserver);
  const webhook = (path: string, rule: object): object => ({
    name: `${path}.example.com`,
    clientConfig: { url: `https://127.0.0.1:${hooks.port}/${path}`, caBundle: Buffer.from(pki.ca).toString('base64') },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], ...rule }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'hooked' } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  });
  const configuration = (kind: string, ...webhooks: object[]): object => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: 'e2e' },
    webhooks,
  });
  try {
    await kubectl('create', 'namespace', 'hooked');
    await made(pod('p', {}, 'hooked'));
    await made(
      configuration(
        'MutatingWebhookConfiguration',
        webhook('mutate', { resources: ['configmaps'], operations: ['CREATE'] }),
      ),
    );
    await made(
      configuration(
        'ValidatingWebhookConfiguration',
        webhook('validate', { resources: ['configmaps'], operations: ['*'] }),
        webhook('connect', { resources: ['pods/exec'], operations: ['CONNECT'] }),
      ),
    );
    hooks.on('/mutate', () => patchOf({ op: 'add', path: '/data', value: { from: 'webhook' } }));
    hooks.on('/validate', ({ operation }) => ({
      allowed: operation !== 'DELETE',
      warnings: ['looked at'],
      status: { message: 'it stays', reason: 'Forbidden', code: 403 },
    }));
    hooks.on('/connect', () => ({ allowed: false, status: { message: 'keep out' } }));
    const created = await attempt('-n', 'hooked', 'create', 'configmap', 'made');
    expect(created.stderr).toBe('Warning: looked at\n');
    expect(await kubectl('-n', 'hooked', 'get', 'configmap', 'made', '-o', 'jsonpath={.data.from}')).toBe('webhook');
    expect((await attempt('-n', 'hooked', 'delete', 'configmap', 'made')).stderr).toContain(
      'Error from server (Forbidden): admission webhook "validate.example.com" denied the request: it stays',
    );
    expect((await attempt('-n', 'hooked', 'exec', 'p', '--', 'true')).stderr).toContain(
      'admission webhook "connect.example.com" denied the request: keep out',
    );
    expect(await kubectl('get', 'validatingwebhookconfigurations')).toMatch(/^e2e +2 +\d+s$/m);
  } finally {
    await attempt('delete', 'mutatingwebhookconfigurations,validatingwebhookconfigurations', 'e2e');
    await hooks.close();
  }
});

describe.skipIf(noContainers)(`with real containers${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  const runtimeClass = (name: string, handler: string, more: object = {}) => ({
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name },
    handler,
    ...more,
  });

  test('pod-preset.yaml: a preset gives its pods a volume and a database', async () => {
    await kubectl('apply', '-f', join(repository, 'examples/pod-preset.yaml'));
    const version = await kubectl('get', 'podpreset', 'allow-database', '-o', 'jsonpath={.metadata.resourceVersion}');
    await ready('website');
    const { metadata } = await get('website');
    expect(metadata?.annotations).toMatchObject({
      'podpreset.admission.kubernetes.io/podpreset-allow-database': version,
    });
    expect(await kubectl('exec', 'website', '-c', 'website', '--', 'cat', '/cache/database')).toBe(
      'db.example.com:6379\n',
    );
    const echo = ['sh', '-c', 'echo $DB_PORT $DB_HOST'];
    expect(await kubectl('exec', 'website', '-c', 'website', '--', ...echo)).toBe('6379 db.example.com\n');
    await kubectl('delete', '-f', join(repository, 'examples/pod-preset.yaml'), '--now');
  });

  test('a runtime class names the handler, and its overhead counts', async () => {
    await made(runtimeClass('runc', 'runc', { overhead: { podFixed: { memory: '32Mi' } } }));
    await made(runtimeClass('other', 'no-such-handler'));
    const resources = { limits: { cpu: '100m', memory: '64Mi' } };
    const containers = [{ name: 'c', image: 'busybox:1.28', command: ['sleep', '600'], resources }];
    await Promise.all([
      made(pod('handled', { runtimeClassName: 'runc', containers })),
      made(pod('unhandled', { runtimeClassName: 'other' })),
    ]);
    await ready('handled');
    const handled = await get('handled');
    expect(handled.spec?.overhead).toEqual({ memory: '32Mi' });
    const limit = podCgroupFile(handled.metadata?.uid ?? '', 'memory/memory.limit_in_bytes', 'memory.max');
    expect(limit).toBe(String(96 * 2 ** 20));
    await eventually('the event', async () => {
      const [message = ''] = await eventMessages('unhandled', 'FailedCreatePodSandBox');
      expect(message).toMatch(/^Failed to create pod sandbox: .*no runtime for "no-such-handler" is configured$/);
      return true;
    });
    expect((await get('unhandled')).status?.phase).toBe('Pending');
    await kubectl('delete', 'pod', 'unhandled', '--wait=false');
  });

  test.skipIf(!hasCrun)(
    `crun is a handler beside runc${hasCrun ? '' : ' (skipped: crun is not installed)'}`,
    async () => {
      await made(runtimeClass('fast', 'crun'));
      await made(pod('fast', { runtimeClassName: 'fast' }));
      await ready('fast');
      expect(await kubectl('exec', 'fast', '--', 'echo', 'inside')).toBe('inside\n');
      await kubectl('delete', 'pod', 'fast');
    },
  );

  test('a limit range bounds what runs', async () => {
    await kubectl('create', 'namespace', 'bounded');
    const limits = [{ type: 'Container', default: { memory: '48Mi' }, max: { memory: '128Mi' } }];
    await made({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'bounds', namespace: 'bounded' },
      spec: { limits },
    });
    expect(await kubectl('-n', 'bounded', 'describe', 'limits', 'bounds')).toMatch(
      /Container +memory +- +128Mi +48Mi +48Mi +-/,
    );
    await made(pod('filled', {}, 'bounded'));
    const filled = await get('filled', 'bounded');
    expect(filled.metadata?.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: memory request for container c; memory limit for container c',
    );
    await kubectl('-n', 'bounded', 'wait', '--for=condition=Ready', 'pod/filled', '--timeout=60s');
    const limit = podCgroupFile(filled.metadata?.uid ?? '', 'memory/memory.limit_in_bytes', 'memory.max');
    expect(limit).toBe(String(48 * 2 ** 20));
    const containers = [{ name: 'c', image: 'busybox:1.28', resources: { limits: { memory: '1Gi' } } }];
    expect((await apply(pod('big', { containers }, 'bounded'))).stderr).toContain(
      'pods "big" is forbidden: maximum memory usage per Container is 128Mi, but limit is 1Gi',
    );
  });
});

test('Pod Security refuses, warns, and tells of pods that are there', async () => {
  await kubectl('create', 'namespace', 'secure');
  await made(pod('open', { hostNetwork: true }, 'secure'));
  const enforce = ['label', '--overwrite', 'namespace', 'secure', 'pod-security.kubernetes.io/enforce=baseline'];
  const dry = await attempt(...enforce, '--dry-run=server');
  expect(dry.stderr).toBe(
    'Warning: existing pods in namespace "secure" violate the new PodSecurity enforce level "baseline:latest"\nWarning: open: host namespaces\n',
  );
  await kubectl('-n', 'secure', 'delete', 'pod', 'open', '--force', '--grace-period=0');
  const labelled = await attempt(...enforce, 'pod-security.kubernetes.io/warn=restricted');
  expect(labelled).toMatchObject({ code: 0, stderr: '' });
  const refused = await apply(pod('refused', { hostPID: true }, 'secure'));
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    'pods "refused" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
  );
  const plain = await apply(pod('plain', {}, 'secure'));
  expect(plain.code).toBe(0);
  expect(plain.stderr).toMatch(
    /^Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c" must set /,
  );
  const bad = await attempt('label', '--overwrite', 'namespace', 'secure', 'pod-security.kubernetes.io/enforce=high');
  expect(bad.stderr).toContain('must be one of privileged, baseline, restricted');
});

describe('policies in CEL', () => {
  const policy = (kind: string, name: string, spec: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    spec,
  });
  const matchConstraints = {
    resourceRules: [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
    ],
    objectSelector: { matchLabels: { policed: 'yes' } },
  };
  const map = (name: string, data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { policed: 'yes' } },
    data,
  });

  test('refuse and warn, in the words of Kubernetes', async () => {
    const binding = (validationActions: string[]) =>
      policy('ValidatingAdmissionPolicyBinding', 'few-keys', { policyName: 'few-keys', validationActions });
    await made(
      policy('ValidatingAdmissionPolicy', 'few-keys', {
        matchConstraints,
        variables: [{ name: 'keys', expression: 'size(object.data)' }],
        validations: [
          { expression: 'variables.keys <= 1', messageExpression: "'%d keys are too many'.format([variables.keys])" },
        ],
      }),
    );
    expect(await kubectl('get', 'validatingadmissionpolicy', 'few-keys', '--no-headers')).toMatch(
      /^few-keys +1 +<unset> +/,
    );
    await kubectl('wait', '--for=jsonpath={.status.observedGeneration}=1', 'validatingadmissionpolicy/few-keys');
    await made(binding(['Deny']));
    await made(map('one', { a: '1' }));
    const refused = await apply(map('two', { a: '1', b: '2' }));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      "The configmaps \"two\" is invalid: : ValidatingAdmissionPolicy 'few-keys' with binding 'few-keys' denied request: 2 keys are too many",
    );
    await made(binding(['Warn']));
    const warned = await apply(map('two', { a: '1', b: '2' }));
    expect(warned.code).toBe(0);
    expect(warned.stderr).toContain(
      "Warning: Validation failed for ValidatingAdmissionPolicy 'few-keys' with binding 'few-keys': 2 keys are too many",
    );
    await kubectl('delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', 'few-keys');
  });

  test('change what is written', async () => {
    const mutations = [
      {
        patchType: 'ApplyConfiguration',
        applyConfiguration: {
          expression: "Object{metadata: Object.metadata{labels: {'made-by': request.userInfo.username}}}",
        },
      },
      { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/data/added', value: 'x'}]" } },
    ];
    await made(policy('MutatingAdmissionPolicy', 'mark', { matchConstraints, reinvocationPolicy: 'Never', mutations }));
    await made(policy('MutatingAdmissionPolicyBinding', 'mark', { policyName: 'mark' }));
    await made(map('marked', { kept: 'y' }));
    const jsonPath = 'jsonpath={.metadata.labels.made-by} {.data.added}';
    expect(await kubectl('get', 'configmap', 'marked', '-o', jsonPath)).toMatch(/^\S+ x$/);
    await kubectl('delete', 'mutatingadmissionpolicy,mutatingadmissionpolicybinding', 'mark');
  });
});

// It empties the node, so it comes last.
test('a NoExecute taint ends what does not tolerate it, at once or in time', async () => {
  const key = 'maintenance';
  const tolerating = (seconds: object): Partial<PodSpec> => ({
    tolerations: [{ key, operator: 'Exists', effect: 'NoExecute', ...seconds }],
  });
  await Promise.all([
    made(pod('leaves')),
    made(pod('lingers', tolerating({ tolerationSeconds: 15 }))),
    made(pod('stays', tolerating({}))),
  ]);
  await Promise.all(['leaves', 'lingers', 'stays'].map(ready));
  const node = (await get('leaves')).spec?.nodeName ?? '';
  const before = Date.now();
  await kubectl('taint', 'nodes', node, `${key}=now:NoExecute`);
  const gone = (name: string): Promise<unknown> =>
    eventually(`${name} is gone`, async () => (await attempt('get', 'pod', name)).stderr.includes('NotFound'));
  await gone('leaves');
  expect((await get('lingers')).metadata).not.toHaveProperty('deletionTimestamp');
  await gone('lingers');
  expect(Date.now() - before).toBeGreaterThanOrEqual(15_000);
  expect((await get('stays')).metadata).not.toHaveProperty('deletionTimestamp');
  expect(await eventMessages('lingers', 'TaintManagerEviction')).toEqual(['Marking for deletion Pod default/lingers']);
  await kubectl('taint', 'nodes', node, `${key}-`);
  await made(pod('again'));
  await ready('again');
});
