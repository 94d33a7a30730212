// What Services are given, what they may be, and what becomes of them when they change.
import { describe, expect, test } from 'vitest';
import type { Service, ServiceSpec } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { setServiceDefaults } from './defaults.ts';
import { serviceColumns } from './printer.ts';
import { serviceStrategy } from './strategy.ts';

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };
const service = (spec: ServiceSpec, name = 's'): Service => {
  const made: Service = { metadata: { name, namespace: 'ns', resourceVersion: '1' }, spec: structuredClone(spec) };
  setServiceDefaults(made);
  return made;
};
const web: ServiceSpec = { ports: [{ port: 80 }] };
/** As the registry makes it, with the address that the server gives. */
function created(spec: ServiceSpec, address = '10.43.0.9'): Service {
  const made = service(spec);
  if (made.spec && made.spec.type !== 'ExternalName') made.spec.clusterIP ||= address;
  serviceStrategy.prepareForCreate?.(made, context);
  return made;
}
const errorsOf = (spec: ServiceSpec, name?: string): string[] => {
  const made = service(spec, name);
  serviceStrategy.prepareForCreate?.(made, context);
  return serviceStrategy.validateCreate(made, context).map(fieldErrorText);
};

describe('the ranges that clients may come from', () => {
  const misplaced = "Forbidden: may only be used when `type` is 'LoadBalancer'";
  const zeros = 'Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length';
  const at = 'spec.LoadBalancerSourceRanges';
  test('are checked, whatever the type', () => {
    const balancer: ServiceSpec = { ...web, type: 'LoadBalancer' };
    expect(errorsOf({ ...balancer, loadBalancerSourceRanges: [' 10.0.0.0/8 '] })).toEqual([]);
    expect(errorsOf({ ...balancer, loadBalancerSourceRanges: ['10.0.0.0/8', '010.0.0.0/8'] })).toEqual([
      `${at}[1]: ${zeros}`,
    ]);
    expect(errorsOf({ ...web, loadBalancerSourceRanges: ['010.0.0.0/8'] })).toEqual([
      `${at}: ${misplaced}`,
      `${at}[0]: ${zeros}`,
    ]);
  });

  test('stay as they were, by the field and by the annotation', () => {
    const key = 'service.beta.kubernetes.io/load-balancer-source-ranges';
    const annotated = service({ ...web, type: 'LoadBalancer' });
    annotated.metadata = { ...annotated.metadata, annotations: { [key]: '10.0.0.0/8,010.0.0.0/8' } };
    const told = (old: Service): string[] =>
      serviceStrategy
        .validateUpdate(annotated, old, context)
        .map(fieldErrorText)
        .filter((text) => text.includes('leading'));
    expect(told(service({ ...web, type: 'LoadBalancer' }))).toEqual([`metadata.annotations[${key}]: ${zeros}`]);
    expect(told(annotated)).toEqual([]);
    const ranged = service({ ...web, type: 'LoadBalancer', loadBalancerSourceRanges: ['010.0.0.0/8'] });
    const errors = serviceStrategy.validateUpdate(ranged, ranged, context).map(fieldErrorText);
    expect(errors.filter((text) => text.includes('leading'))).toEqual([]);
  });
});

describe('a new service', () => {
  test('has defaults', () => {
    expect(created(web)).toMatchObject({
      spec: {
        clusterIP: '10.43.0.9',
        clusterIPs: ['10.43.0.9'],
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        type: 'ClusterIP',
      },
      status: { loadBalancer: {} },
    });
    expect(created({ ...web, type: 'LoadBalancer', sessionAffinity: 'ClientIP' }).spec).toMatchObject({
      allocateLoadBalancerNodePorts: true,
      externalTrafficPolicy: 'Cluster',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
    });
    expect(created({ clusterIP: 'None' }).spec).toMatchObject({
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    expect(created({ type: 'ExternalName', externalName: 'example.com' }).spec).toEqual({
      type: 'ExternalName',
      externalName: 'example.com',
      sessionAffinity: 'None',
    });
  });

  test.each<[string, ServiceSpec, string[]]>([
    ['good', web, []],
    ['headless', { clusterIP: 'None' }, []],
    ['external', { type: 'ExternalName', externalName: 'example.com.' }, []],
    ['no ports', {}, ['spec.ports: Required value']],
    [
      'a port out of range',
      { ports: [{ port: 70_000 }] },
      [
        'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      ],
    ],
    [
      'two without names',
      { ports: [{ port: 1 }, { port: 2 }] },
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      'one name twice',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      },
      ['spec.ports[1].name: Duplicate value: "a"'],
    ],
    [
      'one port twice',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 1 },
        ],
      },
      ['spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}'],
    ],
    [
      'a type that is none',
      { ...web, type: 'Any' as never },
      [
        'spec.type: Unsupported value: "Any": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    [
      'an address that is none',
      { ...web, clusterIP: '10.43.0' },
      ['spec.clusterIPs[0]: Invalid value: "10.43.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    [
      'headless with node ports',
      { ...web, type: 'NodePort', clusterIP: 'None' },
      ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
    ],
    [
      'node ports inside',
      { ports: [{ port: 1, nodePort: 30_000 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    ['an external name missing', { type: 'ExternalName' }, ['spec.externalName: Required value']],
    [
      'an affinity for too long',
      { ...web, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
      [
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
      ],
    ],
    [
      'IPv6',
      { ...web, ipFamilies: ['IPv6'] },
      ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    ],
    [
      'both families',
      { ...web, ipFamilyPolicy: 'RequireDualStack' },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ],
    [
      'a policy for outside',
      { ...web, externalTrafficPolicy: 'Local' },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      'a policy for outside, of no type that is known',
      { ...web, type: 'Odd' as 'NodePort', externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Local' },
      [
        'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
        'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
      ],
    ],
    [
      'what balancers have',
      { ...web, loadBalancerClass: 'a/b' },
      ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
  ])('is checked: %s', (_, spec, errors) => expect(errorsOf(spec)).toEqual(errors));

  test('has a name that DNS takes for a host, with a digit in front if need be', () => {
    expect(errorsOf(web, '1st')).toEqual([]);
    expect(errorsOf(web, 'A')[0]).toMatch(/^metadata.name: Invalid value: "A": a lowercase RFC 1123 label must/);
  });

  test('warns as upstream does of what is deprecated, or of no use', () => {
    const warnings = (spec: ServiceSpec) =>
      serviceStrategy.warnings?.(created(spec), undefined)?.filter((text) => !text.includes('not acted on'));
    expect(
      warnings({ ...web, externalIPs: ['1.2.3.4'], trafficDistribution: 'PreferClose', externalName: 'a.b' }),
    ).toEqual([
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
      'spec.externalName is ignored when spec.type is not "ExternalName"',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ]);
    expect(
      warnings({
        ...web,
        clusterIP: 'None',
        externalIPs: ['1.2.3.4'],
        loadBalancerIP: '1.2.3.4',
        sessionAffinity: 'ClientIP',
      }),
    ).toEqual([
      'spec.loadBalancerIP is ignored for headless services',
      'spec.externalIPs is ignored for headless services',
      'spec.SessionAffinity is ignored for headless services',
    ]);
    expect(warnings({ type: 'ExternalName', externalName: 'a.b', externalIPs: ['1.2.3.4'] })).toEqual([
      'spec.externalIPs is ignored when spec.type is "ExternalName"',
    ]);
  });

  test('says what of it does nothing yet', () => {
    const warnings = (spec: ServiceSpec) => serviceStrategy.warnings?.(created(spec), undefined);
    expect(warnings(web)).toEqual([
      'spec.clusterIP: accepted but not acted on: there is no service proxy yet; pods find it in their environment only',
    ]);
    expect(warnings({ clusterIP: 'None' })).toEqual([
      'spec.clusterIP: accepted but not acted on: there is no cluster DNS yet',
    ]);
    expect(warnings({ ...web, type: 'NodePort' })).toHaveLength(2);
  });
});

describe('a change', () => {
  const updated = (before: Service, spec: ServiceSpec): Service => {
    const after = service(spec);
    serviceStrategy.prepareForUpdate?.(after, before, context);
    return after;
  };
  const nodePort = created({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] });

  test('leaves address and node ports where it does not name them', () => {
    const after = updated(nodePort, { type: 'NodePort', ports: [{ port: 80, targetPort: 8080 }] });
    expect(after.spec).toMatchObject({
      clusterIP: '10.43.0.9',
      clusterIPs: ['10.43.0.9'],
      ports: [{ nodePort: 30_001 }],
    });
    expect(serviceStrategy.validateUpdate(after, nodePort, context)).toEqual([]);
  });

  test('to another address is refused', () => {
    const after = updated(created(web), { ...web, clusterIP: '10.43.0.10' });
    expect(serviceStrategy.validateUpdate(after, created(web), context).map(fieldErrorText)).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.43.0.10"]: may not change once set',
    ]);
  });

  test('of the type lets go of what only the old one had', () => {
    const { spec } = nodePort;
    const inside = updated(nodePort, { ...spec, type: 'ClusterIP' });
    expect(inside.spec?.ports?.[0]?.nodePort).toBeUndefined();
    expect(inside.spec?.externalTrafficPolicy).toBeUndefined();
    const outside = updated(nodePort, { ...spec, type: 'ExternalName', externalName: 'e' });
    expect(outside.spec?.clusterIP).toBeUndefined();
    expect(serviceStrategy.validateUpdate(outside, nodePort, context)).toEqual([]);
  });
});

test.each<[ServiceSpec, string[]]>([
  [web, ['s', 'ClusterIP', '10.43.0.9', '<none>', '80/TCP', '<none>']],
  [
    {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30_001 },
        { name: 'b', port: 53, protocol: 'UDP' },
      ],
      selector: { b: '2', a: '1' },
    },
    ['s', 'NodePort', '10.43.0.9', '<none>', '80:30001/TCP,53/UDP', 'a=1,b=2'],
  ],
  [{ ...web, type: 'LoadBalancer' }, ['s', 'LoadBalancer', '10.43.0.9', '<pending>', '80/TCP', '<none>']],
  [
    { type: 'ExternalName', externalName: 'example.com' },
    ['s', 'ExternalName', '<none>', 'example.com', '<none>', '<none>'],
  ],
])('is shown as %j', (spec, cells) => {
  const shown = serviceColumns.filter(({ name }) => name !== 'Age').map((column) => column.cell(created(spec), 0));
  expect(shown).toEqual(cells);
});
