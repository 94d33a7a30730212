import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { ingressKind } from './definition.ts';

const { create, update, row } = testKind(ingressKind);
const service = { service: { name: 'web', port: { number: 80 } } };
const withPath = (path: object) => ({ spec: { rules: [{ http: { paths: [path] } }] } });
const at = 'spec.rules[0].http.paths[0]';

describe('Ingress', () => {
  it.each([
    [{ spec: { rules: [] } }, ['spec: Invalid value: []: either `defaultBackend` or `rules` must be specified']],
    [{ spec: {} }, ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
    [{ spec: { defaultBackend: service } }, []],
    [
      { spec: { defaultBackend: {} } },
      ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    ],
    [
      { spec: { defaultBackend: { ...service, resource: { kind: 'B', name: 'b' } } } },
      ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    ],
    [
      { spec: { defaultBackend: { resource: { apiGroup: 'A', kind: '', name: 'a/b' } } } },
      [
        expect.stringContaining('spec.defaultBackend.resource.apiGroup: Invalid value: "A": a lowercase RFC 1123'),
        'spec.defaultBackend.resource.kind: Required value',
        `spec.defaultBackend.resource.name: Invalid value: "a/b": may not contain '/'`,
      ],
    ],
    [
      { spec: { defaultBackend: { service: { name: '', port: {} } } } },
      [
        'spec.defaultBackend.service.name: Required value',
        'spec.defaultBackend: Required value: port name or number is required',
      ],
    ],
    // Names of services may start with a digit since v1.36 (RelaxedServiceNameValidation).
    [{ spec: { defaultBackend: { service: { name: '1web', port: { name: 'http' } } } } }, []],
    [
      { spec: { defaultBackend: { service: { name: 'web', port: { name: 'http', number: 80 } } } } },
      ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    ],
    [
      { spec: { defaultBackend: { service: { name: 'web', port: { number: 70000 } } } } },
      ['spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [{ spec: { rules: [{ http: { paths: [] } }] } }, ['spec.rules[0].http.paths: Required value']],
    [withPath({ path: '/', backend: service }), [`${at}.pathType: Required value: pathType must be specified`]],
    [
      withPath({ path: 'a', pathType: 'Exact', backend: service }),
      [`${at}.path: Invalid value: "a": must be an absolute path`],
    ],
    [
      withPath({ path: '/a//b/..', pathType: 'Prefix', backend: service }),
      [
        `${at}.path: Invalid value: "/a//b/..": must not contain '//'`,
        `${at}.path: Invalid value: "/a//b/..": cannot end with '/..'`,
      ],
    ],
    [withPath({ pathType: 'ImplementationSpecific', backend: service }), []],
    [
      withPath({ path: '/', pathType: 'Odd', backend: service }),
      [`${at}.pathType: Unsupported value: "Odd": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
    ],
    [
      { spec: { rules: [{ host: '10.0.0.1' }, { host: '*.a.b' }, { host: 'x.*.b' }] } },
      [
        'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        expect.stringContaining(
          `spec.rules[2].host: Invalid value: "x.*.b": a wildcard DNS-1123 subdomain must start with '*.'`,
        ),
      ],
    ],
    [
      { spec: { defaultBackend: service, tls: [{ hosts: ['A'], secretName: 'S_' }] } },
      [
        expect.stringContaining('spec.tls[0].hosts[0]: Invalid value: "A"'),
        expect.stringContaining('spec.tls[0].secretName: Invalid value: "S_"'),
      ],
    ],
    [
      { spec: { defaultBackend: service, ingressClassName: 'Odd_' } },
      [expect.stringContaining('spec.ingressClassName: Invalid value: "Odd_"')],
    ],
    [
      {
        metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } },
        spec: { defaultBackend: service, ingressClassName: 'b' },
      },
      [
        'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
      ],
    ],
  ])('%#: %j', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('warns of the annotation where there is no field, on create only', () => {
    const metadata = { annotations: { 'kubernetes.io/ingress.class': 'a' } };
    expect(create({ metadata, spec: { defaultBackend: service } }).warnings).toEqual([
      `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
    ]);
  });

  it('has no status of its user, and counts changes of its spec', () => {
    const status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } };
    expect(create({ spec: { defaultBackend: service }, status }).object['status']).toEqual({ loadBalancer: {} });
    const before = { spec: { defaultBackend: service }, status };
    expect(update(before, { spec: { defaultBackend: service } }).object).toMatchObject({
      metadata: { generation: 1 },
      status,
    });
    const changed = update(before, { spec: { rules: [{ host: 'a.b' }] } });
    expect(changed).toMatchObject({ object: { metadata: { generation: 2 }, status }, errors: [] });
  });

  it('keeps names of secrets, and wildcard rules, that older versions let in', () => {
    const old = { spec: { tls: [{ secretName: 'S_' }], rules: [{ host: '*.a.b', http: { paths: [] } }] } };
    expect(update(old, { metadata: { labels: { a: 'b' } }, ...old }).errors).toEqual([]);
    expect(create(old).errors).toHaveLength(2);
  });

  it('takes from its controller what it says of its status, and of its labels', () => {
    const old = { metadata: { labels: { a: 'b' } }, spec: { defaultBackend: service } };
    const ingress = [{ ip: '010.0.0.1' }, { hostname: '1.2.3.4' }, { ip: 'x' }];
    const { object, errors } = update(old, { spec: {}, status: { loadBalancer: { ingress } } }, 'status');
    expect(object).toMatchObject({ spec: old.spec });
    expect(object.metadata?.labels).toBeUndefined();
    expect(errors).toEqual([
      'status.loadBalancer.ingress[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
      'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      'status.loadBalancer.ingress[2].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ]);
  });

  it.each([
    [{ spec: { defaultBackend: service } }, ['x', '<none>', '*', '', '80', '60m']],
    [
      {
        spec: {
          ingressClassName: 'c',
          tls: [{}],
          rules: ['a', 'b', 'c', 'd', 'e'].map((host) => ({ host })),
        },
        status: { loadBalancer: { ingress: [{ hostname: 'h' }, { ip: '1.2.3.4' }, { ip: '1.2.3.4' }] } },
      },
      ['x', 'c', 'a,b,c + 2 more...', '1.2.3.4,h', '80, 443', '60m'],
    ],
  ])('prints %j', (object, cells) => {
    expect(row(object)).toEqual(cells);
  });
});
