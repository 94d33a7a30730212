import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { setPodDefaults } from './defaults.ts';
import { podStrategy } from './strategy.ts';
import { validatePodCreate } from './validate.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

function errorsOf(spec: object, meta: object = {}): string[] {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'default', ...meta },
    spec: { containers: [{ name: 'a', image: 'i' }], ...spec } as PodSpec,
  };
  setPodDefaults(pod);
  podStrategy.prepareForCreate?.(pod, context);
  return validatePodCreate(pod).map(fieldErrorText);
}

/** Errors of a pod whose one container has these fields. */
const ofContainer = (fields: object, spec: object = {}): string[] =>
  errorsOf({ containers: [{ name: 'a', image: 'i', ...fields } as Container], ...spec });

describe('a pod that is well', () => {
  it.each([
    [{}],
    [{ hostNetwork: true, containers: [{ name: 'a', image: 'i', ports: [{ containerPort: 80 }] }] }],
    [
      {
        tolerations: [{ operator: 'Exists' }],
        nodeSelector: { a: 'b' },
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['1.1.1.1', 'fe80::1'] },
      },
    ],
    [
      {
        volumes: [{ name: 'v' }],
        containers: [{ name: 'a', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x/y' }] }],
      },
    ],
    [
      {
        containers: [
          { name: 'a', image: 'i', resources: { limits: { cpu: '1', 'nvidia.com/gpu': '2', 'hugepages-2Mi': '4Mi' } } },
        ],
      },
    ],
    [
      {
        containers: [
          {
            name: 'a',
            image: 'i',
            livenessProbe: { httpGet: { port: 'http' } },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
          },
        ],
      },
    ],
    [
      {
        initContainers: [
          { name: 'b', image: 'i', restartPolicy: 'Always', readinessProbe: { exec: { command: ['x'] } } },
        ],
      },
    ],
    [
      {
        containers: [
          {
            name: 'a',
            image: 'i',
            env: [
              { name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'Y=', value: '' },
            ].slice(0, 1),
          },
        ],
      },
    ],
  ])('%#', (spec) => {
    expect(errorsOf(spec)).toEqual([]);
  });
});

describe('names and lists', () => {
  it.each<[object, string[]]>([
    [{ containers: [] }, ['spec.containers: Required value']],
    [{ containers: [{ name: 'A', image: 'i' }] }, [`spec.containers[0].name: Invalid value: "A": ${label}`]],
    [
      { containers: [{ name: '', image: '' }] },
      ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
    ],
    [
      { containers: [{ name: 'a', image: ' i' }] },
      ['spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
    ],
    [
      {
        containers: [
          { name: 'a', image: 'i' },
          { name: 'a', image: 'i' },
        ],
      },
      ['spec.containers[1].name: Duplicate value: "a"'],
    ],
    [{ initContainers: [{ name: 'a', image: 'i' }] }, ['spec.initContainers[0].name: Duplicate value: "a"']],
    [
      { initContainers: [{ name: 'b', image: 'i', lifecycle: { preStop: { exec: { command: ['x'] } } } }] },
      ['spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always'],
    ],
    [
      { restartPolicy: 'Sometimes' },
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      { dnsPolicy: 'X' },
      [
        'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [{ dnsPolicy: 'None' }, ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None']],
    [
      { dnsConfig: { nameservers: ['1.1.1.01', 'x'] } },
      [
        'spec.dnsConfig.nameservers[0]: Invalid value: "1.1.1.01": must not have leading 0s',
        'spec.dnsConfig.nameservers[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      { activeDeadlineSeconds: 0 },
      ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
    ],
    [{ hostname: 'a.b' }, ['spec.hostname: Invalid value: "a.b": must not contain dots']],
    [
      { ephemeralContainers: [{ name: 'e', image: 'i' }] },
      ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
    ],
    [
      { nodeName: 'n', schedulingGates: [{ name: 'g' }] },
      ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
    ],
    [{ os: { name: 'mac' } }, ['spec.os: Unsupported value: "mac": supported values: "linux", "windows"']],
    [{ hostUsers: false, hostPID: true }, ['spec.HostPID: Forbidden: when `hostUsers` is false']],
    [
      { hostAliases: [{ ip: '1.2.3', hostnames: ['a'] }] },
      ['spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
  ])('%j', (spec, errors) => {
    expect(errorsOf(spec)).toEqual(errors);
  });
});

describe('ports, env and mounts', () => {
  it.each<[object, string[]]>([
    [{ ports: [{ containerPort: 0 }] }, ['spec.containers[0].ports[0].containerPort: Required value']],
    [
      { ports: [{ containerPort: 70000 }] },
      ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      { ports: [{ containerPort: 1, protocol: 'X' }] },
      ['spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [
      {
        ports: [
          { name: 'p', containerPort: 1 },
          { name: 'p', containerPort: 2 },
        ],
      },
      ['spec.containers[0].ports[1].name: Duplicate value: "p"'],
    ],
    [
      {
        ports: [
          { containerPort: 1, hostPort: 5 },
          { containerPort: 2, hostPort: 5 },
        ],
      },
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"'],
    ],
    [{ env: [{ name: '' }] }, ['spec.containers[0].env[0].name: Required value']],
    [
      { env: [{ name: 'A', value: 'x', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
      ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ],
    [
      { env: [{ name: 'A', valueFrom: {} }] },
      [
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ],
    ],
    [
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.x' } } }] },
      [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error converting fieldPath: field label not supported: spec.x',
      ],
    ],
    [
      { env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } } }] },
      [
        'spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
      ],
    ],
    [
      { envFrom: [{}] },
      ['spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ],
    [
      { volumeMounts: [{ name: 'v', mountPath: '' }] },
      [
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        'spec.containers[0].volumeMounts[0].mountPath: Required value',
      ],
    ],
    [
      { imagePullPolicy: 'X' },
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "X": supported values: "Always", "IfNotPresent", "Never"',
      ],
    ],
    [
      { terminationMessagePolicy: 'X' },
      [
        'spec.containers[0].terminationMessagePolicy: Unsupported value: "X": supported values: "File", "FallbackToLogsOnError"',
      ],
    ],
  ])('%j', (fields, errors) => {
    expect(ofContainer(fields)).toEqual(errors);
  });
  it('checks paths inside volumes and unique mount points', () => {
    const volumes = [{ name: 'v', emptyDir: {} }];
    const mounts = [
      { name: 'v', mountPath: '/a', subPath: '../x' },
      { name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' },
    ];
    expect(ofContainer({ volumeMounts: mounts }, { volumes })).toEqual([
      `spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
      'spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
    ]);
  });
});

describe('probes and hooks', () => {
  it.each<[object, string[]]>([
    [{ livenessProbe: {} }, ['spec.containers[0].livenessProbe: Required value: must specify a handler type']],
    [
      { livenessProbe: { exec: { command: ['x'] }, successThreshold: 2 } },
      ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    ],
    [
      { readinessProbe: { tcpSocket: { port: 0 }, periodSeconds: -1 } },
      [
        'spec.containers[0].readinessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      { startupProbe: { httpGet: { port: 80 }, tcpSocket: { port: 80 } } },
      ['spec.containers[0].startupProbe.tcpSocket: Forbidden: may not specify more than 1 handler type'],
    ],
    [
      { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      [
        'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
      ],
    ],
    [
      // Its feature gate is off: it is dropped before.
      { lifecycle: { stopSignal: 'SIGTERM' } },
      [],
    ],
    [
      { livenessProbe: { httpGet: { port: 80, scheme: 'FTP', httpHeaders: [{ name: 'a b', value: '' }] } } },
      [
        'spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        `spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
      ],
    ],
  ])('%j', (fields, errors) => {
    expect(ofContainer(fields)).toEqual(errors);
  });
});

describe('resources', () => {
  it.each<[object, string[]]>([
    [
      { requests: { cpu: '2' }, limits: { cpu: '1' } },
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      { requests: { cpu: '-1' } },
      ['spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ],
    [
      { requests: { disk: '1' } },
      [
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers',
      ],
    ],
    [
      { requests: { 'x.y/z': '1' } },
      ['spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources'],
    ],
    [
      { limits: { 'x.y/z': '1500m' } },
      [
        'spec.containers[0].resources.limits[x.y/z]: Invalid value: "1500m": must be an integer',
        'spec.containers[0].resources.requests[x.y/z]: Invalid value: "1500m": must be an integer',
      ],
    ],
    [
      { limits: { 'hugepages-2Mi': '2Mi' } },
      ['spec.containers[0].resources: Forbidden: HugePages require cpu or memory'],
    ],
    [
      { claims: [{ name: 'c' }] },
      [
        'spec.containers[0].resources.claims[0]: Not found: "c": must be one of the names in pod.spec.resourceClaims which is empty',
      ],
    ],
  ])('%j', (resources, errors) => {
    expect(ofContainer({ resources })).toEqual(errors);
  });
});

describe('volumes', () => {
  it.each<[object, string[]]>([
    [
      { name: 'v', emptyDir: {}, hostPath: { path: '/x' } },
      ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      { name: 'v', hostPath: { path: '/a/../b', type: 'X' } },
      [
        `spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
        'spec.volumes[0].hostPath.type: Unsupported value: "X": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [
      { name: 'v', secret: { defaultMode: 0o1000 } },
      [
        'spec.volumes[0].secret.secretName: Required value',
        'spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
      ],
    ],
    [
      { name: 'v', configMap: { name: 'c', items: [{ key: 'k', path: '/abs' }] } },
      ['spec.volumes[0].configMap.items[0].path: Invalid value: "/abs": must be a relative path'],
    ],
    [
      { name: 'v', nfs: { server: 's', path: 'rel' } },
      ['spec.volumes[0].nfs.path: Invalid value: "rel": must be an absolute path'],
    ],
    [
      { name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 5 } }] } },
      [
        'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
        'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
      ],
    ],
    [
      { name: 'v', downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'status.podIP' } }] } },
      [
        'spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      ],
    ],
    [
      { name: 'v', ephemeral: { volumeClaimTemplate: { spec: {} } } },
      [
        'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required',
        'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value',
      ],
    ],
    [{ name: 'A b', emptyDir: {} }, [`spec.volumes[0].name: Invalid value: "A b": ${label}`]],
    [
      { name: 'v', emptyDir: { sizeLimit: '-1' } },
      ['spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity'],
    ],
    [{ name: 'v', csi: { driver: '' } }, ['spec.volumes[0].csi.driver: Required value']],
    [
      { name: 'v', iscsi: { targetPortal: 'p', iqn: 'x', lun: 300 } },
      [
        'spec.volumes[0].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
        'spec.volumes[0].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive',
      ],
    ],
  ])('%j', (volume, errors) => {
    expect(errorsOf({ volumes: [volume] })).toEqual(errors);
  });
});

describe('security and scheduling', () => {
  it.each<[object, string[]]>([
    [
      { securityContext: { runAsUser: -1 } },
      ['spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
    ],
    [
      { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.tcp_x', value: '1' }] } },
      [
        `spec.securityContext.sysctls[0].name: Invalid value: "net.ipv4.tcp_x": may not be specified when 'hostNetwork' is true`,
      ],
    ],
    [
      { securityContext: { seccompProfile: { type: 'Localhost' } } },
      [
        'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
      ],
    ],
    [
      { tolerations: [{ key: '', operator: 'Equal' }] },
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }] },
      [
        `spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
      ],
    ],
    [
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } },
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    ],
    [
      {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, podAffinityTerm: { topologyKey: 'k' } }],
          },
        },
      },
      [
        'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
      ],
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'X', labelSelector: {} }] },
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
        'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "X": supported values: "DoNotSchedule", "ScheduleAnyway"',
      ],
    ],
  ])('%j', (spec, errors) => {
    expect(errorsOf(spec)).toEqual(errors);
  });
  it('shows a refused security context as the internal type', () => {
    expect(ofContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } })).toEqual([
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ]);
  });
  it('forbids privileged containers of every kind where the server does', () => {
    const privileged = { image: 'i', securityContext: { privileged: true } };
    const pod: Pod = {
      metadata: { name: 'p', namespace: 'd', resourceVersion: '1' },
      spec: {
        containers: [{ name: 'a', ...privileged }],
        initContainers: [{ name: 'b', ...privileged }],
        ephemeralContainers: [{ name: 'c', ...privileged }],
      },
    };
    setPodDefaults(pod);
    const forbidden = (field: string): string =>
      `spec.${field}[0].securityContext.privileged: Forbidden: disallowed by cluster policy`;
    const expected = ['containers', 'initContainers', 'ephemeralContainers'].map(forbidden);
    const refusing = { ...context, allowPrivileged: false };
    expect(podStrategy.validateUpdate(pod, pod, refusing).map(fieldErrorText).toSorted()).toEqual(expected.toSorted());
    expect(podStrategy.validateUpdate(pod, pod, context)).toEqual([]);
    expect(podStrategy.validateCreate(pod, refusing).map(fieldErrorText)).toEqual(expect.arrayContaining(expected));
  });
  it('checks annotations that mean something', () => {
    expect(
      errorsOf(
        {},
        { annotations: { 'kubernetes.io/config.mirror': 'x', 'controller.kubernetes.io/pod-deletion-cost': '+1' } },
      ),
    ).toEqual([
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
    ]);
  });
});

it('is quick with long texts that are nothing', () => {
  const started = performance.now();
  const fieldPath = "['".repeat(200_000);
  expect(ofContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath } } }] })).toHaveLength(1);
  const name = `${'*'.repeat(400_000)}\n`;
  expect(errorsOf({ securityContext: { sysctls: [{ name, value: '1' }] } })).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(2_000);
});
