import { describe, expect, it } from 'vitest';
import { resourceClaimTemplateKind } from '../resourceclaimtemplate/definition.ts';
import { testKind } from '../test-kind.ts';
import { resourceClaimKind } from './definition.ts';

const { create, update, row } = testKind(resourceClaimKind);
const deviceClassName = 'gpu';
const of = (devices: object) => ({ spec: { devices } });
const request = (exactly: object = {}) => ({ name: 'r', exactly: { deviceClassName, ...exactly } });
const withRequest = (one: object) => of({ requests: [one] });
const at = 'spec.devices.requests[0]';
const notARequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

describe('ResourceClaim', () => {
  it.each([
    [of({}), []],
    [withRequest(request()), []],
    [
      withRequest({ name: 'R' }),
      [
        expect.stringContaining(`${at}.name: Invalid value: "R"`),
        `${at}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`,
      ],
    ],
    [
      withRequest({ ...request(), firstAvailable: [{ name: 'a', deviceClassName }] }),
      [
        `${at}: Invalid value: null: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
      ],
    ],
    [of({ requests: [request(), request()] }), ['spec.devices.requests[1]: Duplicate value: "r"']],
    [
      of({ requests: Array.from({ length: 33 }, () => request()) }),
      ['spec.devices.requests: Too many: 33: must have at most 32 items'],
    ],
    [withRequest(request({ deviceClassName: '' })), [`${at}.exactly.deviceClassName: Required value`]],
    [
      withRequest(request({ allocationMode: 'All', count: 2 })),
      [`${at}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`],
    ],
    [withRequest(request({ count: -1 })), [`${at}.exactly.count: Invalid value: -1: must be greater than zero`]],
    [
      withRequest(request({ allocationMode: 'Odd' })),
      [`${at}.exactly.allocationMode: Unsupported value: "Odd": supported values: "All", "ExactCount"`],
    ],
    [withRequest(request({ selectors: [{}] })), [`${at}.exactly.selectors[0].cel: Required value`]],
    [withRequest(request({ selectors: [{ cel: { expression: 'device.driver == "a.b"' } }] })), []],
    [
      withRequest(request({ selectors: [{ cel: { expression: 'device.driver' } }] })),
      [
        `${at}.exactly.selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string`,
      ],
    ],
    [
      withRequest(request({ selectors: [{ cel: { expression: 'device.x' } }] })),
      [
        expect.stringContaining(
          `${at}.exactly.selectors[0].cel.expression: Invalid value: "device.x": compilation failed: `,
        ),
      ],
    ],
    [
      withRequest(
        request({
          selectors: [
            {
              cel: {
                expression:
                  'device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, a == b && c == d))))',
              },
            },
          ],
        }),
      ),
      [`${at}.exactly.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit`],
    ],
    [
      withRequest(request({ selectors: [{ cel: { expression: 'x'.repeat(10_241) } }] })),
      [`${at}.exactly.selectors[0].cel.expression: Too long: may not be more than 10240 bytes`],
    ],
    [
      withRequest(
        request({
          tolerations: [
            { operator: 'Exists', value: 'v' },
            { operator: 'Odd', effect: 'Odd' },
            { key: 'a b', value: 'a b' },
          ],
        }),
      ),
      [
        `${at}.exactly.tolerations[0].value: Invalid value: "v": must be empty for operator \`Exists\``,
        `${at}.exactly.tolerations[1].operator: Unsupported value: "Odd": supported values: "Equal", "Exists"`,
        `${at}.exactly.tolerations[1].effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSchedule", "None"`,
        expect.stringContaining(`${at}.exactly.tolerations[2].key: Invalid value: "a b"`),
        expect.stringContaining(`${at}.exactly.tolerations[2].value: Invalid value: "a b"`),
      ],
    ],
    [
      withRequest({
        name: 'r',
        firstAvailable: [
          { name: 'a', deviceClassName },
          { name: 'a', deviceClassName: 'B' },
        ],
      }),
      [
        expect.stringContaining(`${at}.firstAvailable[1].deviceClassName: Invalid value: "B"`),
        `${at}.firstAvailable[1]: Duplicate value: "a"`,
      ],
    ],
    [
      of({
        requests: [{ name: 'r', firstAvailable: [{ name: 'a', deviceClassName }] }],
        constraints: [
          { requests: ['r', 'r/a'], matchAttribute: 'example.com/model' },
          { requests: ['x', 'r/b', 'r/a/c'], matchAttribute: 'model' },
          {},
          { distinctAttribute: '/1x' },
        ],
      }),
      [
        `spec.devices.constraints[1].requests[0]: Invalid value: "x": ${notARequest}`,
        `spec.devices.constraints[1].requests[1]: Invalid value: "r/b": ${notARequest}`,
        `spec.devices.constraints[1].requests[2]: Invalid value: "r/a/c": ${notARequest}`,
        'spec.devices.constraints[1].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
        'spec.devices.constraints[2]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
        'spec.devices.constraints[3].distinctAttribute: Invalid value: "": the domain must not be empty',
        expect.stringContaining(
          'spec.devices.constraints[3].distinctAttribute: Invalid value: "1x": a valid C identifier',
        ),
      ],
    ],
    [
      of({ config: [{}, { opaque: {} }, { opaque: { driver: 'a.b', parameters: [1] } }] }),
      [
        'spec.devices.config[0].opaque: Required value',
        'spec.devices.config[1].opaque.driver: Required value',
        'spec.devices.config[1].opaque.parameters: Required value',
        'spec.devices.config[2].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
      ],
    ],
    [
      of({ config: [{ opaque: { driver: 'a.b', parameters: { a: 'x'.repeat(10_240) } } }] }),
      ['spec.devices.config[0].opaque.parameters: Too long: may not be more than 10240 bytes'],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('asks for one device, has no status of its user, and stays what it is', () => {
    const { object, warnings } = create({ ...withRequest(request()), status: { reservedFor: [] } });
    expect(object).toMatchObject({
      spec: { devices: { requests: [{ exactly: { allocationMode: 'ExactCount', count: 1 } }] } },
      status: {},
    });
    expect(warnings).toEqual(['spec: accepted but not acted on: devices are not allocated yet']);
    expect(update(withRequest(request()), withRequest(request({ count: 2 }))).errors).toEqual([
      expect.stringMatching(/^spec: Invalid value: .*: field is immutable$/),
    ]);
    expect(
      update(withRequest(request()), { ...withRequest(request()), metadata: { labels: { a: 'b' } } }).errors,
    ).toEqual([]);
  });
});

describe('the status of a claim', () => {
  const result = { request: 'r', driver: 'a.example.com', pool: 'p', device: 'd' };
  const claim = withRequest(request());
  const allocated = (more: object = {}) => ({ allocation: { devices: { results: [result], ...more } } });
  const consumer = { resource: 'pods', name: 'p', uid: 'u' };
  const told = (before: object, after: object): string[] =>
    update({ ...claim, status: before }, { ...claim, status: after }, 'status').errors;
  const device = { driver: 'a.example.com', pool: 'p', device: 'd' };

  it.each([
    [{}, allocated(), []],
    [allocated(), { ...allocated(), reservedFor: [consumer] }, []],
    [
      {},
      { reservedFor: [consumer] },
      ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set'],
    ],
    [
      allocated(),
      { ...allocated(), reservedFor: [{ ...consumer, name: '' }, consumer] },
      ['status.reservedFor[0].name: Required value', 'status.reservedFor[1]: Duplicate value: "u"'],
    ],
    [
      allocated(),
      { allocation: { devices: { results: [] } } },
      [expect.stringMatching(/^status.allocation: Invalid value: .*: field is immutable$/)],
    ],
    [
      {},
      { allocation: { devices: { results: [{ ...result, request: 'x', pool: '', shareID: 'abc' }] } } },
      [
        `status.allocation.devices.results[0].request: Invalid value: "x": ${notARequest}`,
        'status.allocation.devices.results[0].pool: Required value',
        'status.allocation.devices.results[0].shareID: Invalid value: "abc": error validating uid: invalid UUID length: 3',
      ],
    ],
    [
      {},
      {
        allocation: {
          devices: {
            results: [{ ...result, bindingConditions: ['a'], shareID: '0123ABCD-0123-0123-0123-0123456789ab' }],
          },
        },
      },
      [
        'status.allocation.devices.results[0].bindingFailureConditions: Invalid value: []: bindingFailureConditions are required to use bindingConditions',
        expect.stringContaining('uid must be in RFC 4122 normalized form'),
      ],
    ],
    [
      {},
      allocated({ config: [{ requests: ['r'] }, { source: 'Odd', opaque: { driver: 'a.b', parameters: {} } }] }),
      [
        'status.allocation.devices.config[0].source: Required value',
        'status.allocation.devices.config[0].opaque: Required value',
        'status.allocation.devices.config[1].source: Unsupported value: "Odd": supported values: "FromClaim", "FromClass"',
      ],
    ],
    [
      allocated(),
      {
        ...allocated(),
        devices: [
          {
            ...device,
            conditions: [
              { type: 'Ready', status: 'Odd' },
              { type: 'Ready', status: 'True', reason: '1', lastTransitionTime: 't' },
            ],
            data: [1],
            networkData: { ips: ['10.0.0.1/24', '10.0.0.01/24'] },
          },
          { ...device, device: 'other' },
        ],
      },
      [
        'status.devices[0].conditions[0].status: Unsupported value: "Odd": supported values: "False", "True", "Unknown"',
        'status.devices[0].conditions[0].lastTransitionTime: Required value',
        'status.devices[0].conditions[0].reason: Required value',
        'status.devices[0].conditions[1].type: Duplicate value: "Ready"',
        expect.stringContaining(
          'status.devices[0].conditions[1].reason: Invalid value: "1": a condition reason must start',
        ),
        'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON object',
        'status.devices[0].networkData.ips[1]: Invalid value: "10.0.0.01/24": must be in canonical form ("10.0.0.1/24")',
        'status.devices[1]: Invalid value: "a.example.com/p/other": must be an allocated device in the claim',
      ],
    ],
  ])('%#', (before, after, errors) => {
    expect(told(before, after)).toEqual(errors);
  });

  it('forgets what drivers say of devices that are given back', () => {
    const { object, errors } = update(
      { ...claim, status: { ...allocated(), devices: [device] } },
      { ...claim, status: { devices: [device] } },
      'status',
    );
    expect(errors).toEqual([]);
    expect(object['status']).toEqual({});
  });

  it.each([
    [{}, {}, 'pending'],
    [{}, allocated(), 'allocated'],
    [{}, { ...allocated(), reservedFor: [consumer] }, 'allocated,reserved'],
    [{ deletionTimestamp: '2026-01-01T00:00:00Z' }, allocated(), 'deleted,allocated'],
    [{ deletionTimestamp: '2026-01-01T00:00:00Z' }, {}, 'deleted'],
  ])('%j %j prints as %s', (metadata, status, state) => {
    expect(row({ metadata, ...claim, status })).toEqual(['x', state, '60m']);
  });
});

describe('ResourceClaimTemplate', () => {
  const template = testKind(resourceClaimTemplateKind);
  it('checks its claim and the metadata of its claims, and stays what it is', () => {
    const spec = { spec: { devices: { requests: [request()] } } };
    expect(template.create({ spec })).toMatchObject({
      errors: [],
      object: { spec: { spec: { devices: { requests: [{ exactly: { count: 1 } }] } } } },
    });
    const wrong = { metadata: { labels: { 'a b': '' } }, spec: { devices: { requests: [{ name: 'r' }] } } };
    expect(template.create({ spec: wrong }).errors).toEqual([
      expect.stringContaining('spec.metadata.labels: Invalid value: "a b"'),
      'spec.spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
    ]);
    expect(template.update({ spec }, { spec: { ...spec, metadata: { labels: { a: 'b' } } } }).errors).toEqual([
      expect.stringContaining('field is immutable'),
    ]);
    expect(template.update({ spec }, { spec: { spec: { devices: { requests: [{ name: 'r' }] } } } }).errors).toEqual([
      'spec.spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
      'spec: Invalid value: {"Spec":{"Devices":{"Requests":[{"Name":"r","Exactly":null,"FirstAvailable":null}],"Constraints":null,"Config":null}}}: field is immutable',
    ]);
    expect(template.row({ spec })).toEqual(['x', '60m']);
  });
});
