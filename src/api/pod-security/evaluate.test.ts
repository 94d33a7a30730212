import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../generated/types.ts';
import { evaluatePod, findingsText } from './evaluate.ts';

const latest = Number.POSITIVE_INFINITY;
const pod = (spec: object, annotations: Record<string, string> = {}): Pod => ({
  metadata: { name: 'p', annotations },
  spec: { containers: [{ name: 'a' }], ...spec } as PodSpec,
});
/** Containers a, b, … with these fields. */
const containers = (...all: object[]) => ({
  containers: all.map((one, i) => ({ name: String.fromCharCode(97 + i), ...one })),
});
const secured = (...contexts: object[]) => containers(...contexts.map((securityContext) => ({ securityContext })));
const elsewhere = (field: object) => ({
  ...containers({}),
  initContainers: [{ name: 'i', ...field }],
  ephemeralContainers: [{ name: 'e', ...field }],
});

const baseline = (one: Pod, minor = latest): string => findingsText(evaluatePod(one, { level: 'baseline', minor }));

describe('the baseline policy', () => {
  it.each<[string, object, string, Record<string, string>?]>([
    ['a plain pod', {}, ''],
    [
      'privileged',
      secured({ privileged: true }),
      'privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [
      'privileged elsewhere',
      elsewhere({ securityContext: { privileged: true } }),
      'privileged (containers "i", "e" must not set securityContext.privileged=true)',
    ],
    [
      'host namespaces',
      { hostPID: true, hostIPC: true, hostNetwork: true },
      'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    ],
    [
      'hostPath',
      { volumes: [{ name: 'v', hostPath: { path: '/' } }, { name: 'w', hostPath: { path: '/' } }, { name: 'x' }] },
      'hostPath volumes (volumes "v", "w")',
    ],
    ['a host port', containers({ ports: [{ hostPort: 80 }] }), 'hostPort (container "a" uses hostPort 80)'],
    [
      'host ports',
      containers({ ports: [{ hostPort: 80 }, { hostPort: 0 }] }, { ports: [{ hostPort: 443 }] }),
      'hostPort (containers "a", "b" use hostPorts 443, 80)',
    ],
    [
      'capabilities',
      secured({ capabilities: { add: ['CHOWN', 'NET_RAW'] } }, { capabilities: { add: ['BPF'] } }),
      'non-default capabilities (containers "a", "b" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
    ],
    [
      'AppArmor of pod and container',
      {
        securityContext: { appArmorProfile: { type: 'Unconfined' } },
        ...secured({ appArmorProfile: { type: 'Odd' } }),
      },
      'forbidden AppArmor profiles (pod and container "a" must not set AppArmor profile type to "Odd", "Unconfined")',
    ],
    [
      'AppArmor by annotation',
      {},
      'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
      {
        'container.apparmor.security.beta.kubernetes.io/a': 'unconfined',
        'container.apparmor.security.beta.kubernetes.io/b': 'runtime/default',
        'container.apparmor.security.beta.kubernetes.io/c': 'localhost/x',
      },
    ],
    [
      'SELinux',
      {
        securityContext: { seLinuxOptions: { type: 'foo', user: 'bar', role: 'baz' } },
        ...secured({ seLinuxOptions: { type: 'container_engine_t' } }, { seLinuxOptions: { type: 'bar' } }),
      },
      'seLinuxOptions (pod and container "b" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be set; role may not be set)',
    ],
    [
      'SELinux user alone',
      { securityContext: { seLinuxOptions: { user: 'bad' } } },
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: user may not be set)',
    ],
    [
      'procMount',
      secured({ procMount: 'Unmasked' }, { procMount: 'Default' }),
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    ['procMount with own users', { hostUsers: false, ...secured({ procMount: 'Unmasked' }) }, ''],
    [
      'seccomp',
      {
        securityContext: { seccompProfile: { type: 'Unconfined' } },
        ...secured({ seccompProfile: { type: 'Unconfined' } }, { seccompProfile: { type: 'Localhost' } }),
      },
      'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'sysctls',
      { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }, { name: 'kernel.msgmax' }, { name: 'a' }] } },
      'forbidden sysctls (kernel.msgmax, a)',
    ],
    [
      'Windows host processes',
      {
        securityContext: { windowsOptions: { hostProcess: true } },
        ...secured({ windowsOptions: { hostProcess: true } }),
      },
      'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      'hosts of probes and hooks',
      containers(
        { livenessProbe: { httpGet: { host: '1.1.1.1' } }, readinessProbe: { tcpSocket: { host: '' } } },
        { lifecycle: { preStop: { httpGet: { host: '2.2.2.2' } } }, startupProbe: { tcpSocket: { host: '1.1.1.1' } } },
      ),
      'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "1.1.1.1", "2.2.2.2")',
    ],
  ])('%s', (_, spec, expected, annotations = {}) => expect(baseline(pod(spec, annotations))).toBe(expected));

  it.each<[string, number, object, boolean, Record<string, string>?]>([
    ['hosts of probes', 33, containers({ livenessProbe: { httpGet: { host: 'x' } } }), true],
    ['hosts of probes', 34, containers({ livenessProbe: { httpGet: { host: 'x' } } }), false],
    ['procMount with own users', 34, { hostUsers: false, ...secured({ procMount: 'Unmasked' }) }, false],
    ['container_engine_t', 30, secured({ seLinuxOptions: { type: 'container_engine_t' } }), false],
    ['container_engine_t', 31, secured({ seLinuxOptions: { type: 'container_engine_t' } }), true],
    ['reserved ports', 26, { securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }] } }, false],
    ['reserved ports', 27, { securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }] } }, true],
    ['tcp_fin_timeout', 28, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] } }, false],
    ['tcp_fin_timeout', 29, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] } }, true],
    ['tcp_wmem', 31, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_wmem' }] } }, false],
    ['tcp_wmem', 32, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_wmem' }] } }, true],
    ['a seccomp field', 18, secured({ seccompProfile: { type: 'Unconfined' } }), true],
    ['a seccomp annotation', 19, {}, true, { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }],
    ['a seccomp annotation', 18, {}, false, { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }],
  ])('%s as of v1.%i', (_, minor, spec, allowed, annotations = {}) => {
    expect(baseline(pod(spec, annotations), minor) === '').toBe(allowed);
  });

  it('words old seccomp annotations as they were', () => {
    const key = 'container.seccomp.security.alpha.kubernetes.io/a';
    expect(baseline(pod({}, { [key]: 'odd', 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }), 10)).toBe(
      `seccompProfile (forbidden annotations ${key}="odd", seccomp.security.alpha.kubernetes.io/pod="unconfined")`,
    );
  });
});

const good = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};
const restricted = (spec: object, minor = latest): string =>
  findingsText(evaluatePod(pod(spec), { level: 'restricted', minor }));

describe('the restricted policy', () => {
  it.each<[string, object, string]>([
    ['a good pod', secured(good), ''],
    [
      'a plain pod',
      {},
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      'two containers of three',
      secured(
        good,
        { ...good, allowPrivilegeEscalation: true },
        { capabilities: { drop: ['ALL'] }, runAsNonRoot: true, seccompProfile: { type: 'Localhost' } },
      ),
      'allowPrivilegeEscalation != false (containers "b", "c" must set securityContext.allowPrivilegeEscalation=false)',
    ],
    [
      'capabilities',
      secured(
        { ...good, capabilities: { drop: ['CHOWN'], add: ['NET_BIND_SERVICE'] } },
        { ...good, capabilities: { drop: ['ALL'], add: ['CHOWN'] } },
      ),
      'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "b" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      'volumes, hostPath told once',
      {
        ...secured(good),
        volumes: [
          { name: 'v', hostPath: { path: '/' } },
          { name: 'w', nfs: {} },
          { name: 'x', emptyDir: {} },
          { name: 'y', image: {} },
          { name: 'z' },
        ],
      },
      'restricted volume types (volumes "v", "w", "z" use restricted volume types "hostPath", "nfs", "unknown")',
    ],
    [
      'one volume',
      { ...secured(good), volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      'restricted volume types (volume "v" uses restricted volume type "hostPath")',
    ],
    [
      'root by name of pod and container',
      { securityContext: { runAsNonRoot: false }, ...secured(good, { ...good, runAsNonRoot: false }) },
      'runAsNonRoot != true (pod and container "b" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      'root by number',
      { securityContext: { runAsUser: 0 }, ...secured({ ...good, runAsUser: 0 }) },
      'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
    ],
    ['root with own users', { hostUsers: false, ...secured({ ...good, runAsNonRoot: false, runAsUser: 0 }) }, ''],
    [
      'procMount with own users',
      { hostUsers: false, ...secured({ ...good, procMount: 'Unmasked' }) },
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      'seccomp',
      secured({ ...good, seccompProfile: { type: 'Unconfined' } }),
      'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'seccomp and root settled by the pod',
      {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        ...secured({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }),
      },
      '',
    ],
    ['Windows', { os: { name: 'windows' }, ...secured({ runAsNonRoot: true }) }, ''],
  ])('%s', (_, spec, expected) => expect(restricted(spec)).toBe(expected));

  it.each<[string, number, object, string[]]>([
    ['a plain pod', 7, {}, ['runAsNonRoot != true']],
    ['a plain pod', 21, {}, ['allowPrivilegeEscalation != false', 'runAsNonRoot != true', 'seccompProfile']],
    ['root by number', 22, secured({ ...good, runAsUser: 0 }), []],
    ['root by number', 23, secured({ ...good, runAsUser: 0 }), ['runAsUser=0']],
    [
      'Windows',
      24,
      { os: { name: 'windows' }, ...secured({ runAsNonRoot: true }) },
      ['allowPrivilegeEscalation != false', 'unrestricted capabilities', 'seccompProfile'],
    ],
    ['root with own users', 34, { hostUsers: false, ...secured({ ...good, runAsUser: 0 }) }, ['runAsUser=0']],
    ['procMount', 34, secured({ ...good, procMount: 'Unmasked' }), ['procMount']],
  ])('%s as of v1.%i', (_, minor, spec, reasons) => {
    expect(evaluatePod(pod(spec), { level: 'restricted', minor }).map(({ reason }) => reason)).toEqual(reasons);
  });
});

it('leaves privileged namespaces alone', () => {
  const everything = { hostNetwork: true, ...secured({ privileged: true }) };
  expect(evaluatePod(pod(everything), { level: 'privileged', minor: latest })).toEqual([]);
});
