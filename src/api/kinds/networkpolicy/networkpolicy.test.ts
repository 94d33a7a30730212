import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { networkPolicyKind } from './definition.ts';

const { create, update, row } = testKind(networkPolicyKind);
const withPort = (port: object) => ({ ingress: [{ ports: [port] }] });
const withPeer = (peer: object) => ({ egress: [{ to: [peer] }] });

describe('NetworkPolicy', () => {
  it.each([
    [{}, []],
    [
      { podSelector: { matchLabels: { 'a b': 'c' } } },
      [expect.stringContaining('spec.podSelector.matchLabels: Invalid value: "a b"')],
    ],
    [
      withPort({ protocol: 'ICMP' }),
      ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
    ],
    [
      withPort({ port: 0 }),
      ['spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    ],
    [
      withPort({ port: 80, endPort: 79 }),
      ['spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`'],
    ],
    [
      withPort({ port: 'http', endPort: 90 }),
      ['spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric'],
    ],
    [
      withPort({ endPort: 90 }),
      ['spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified'],
    ],
    [withPeer({}), ['spec.egress[0].to[0]: Required value: must specify a peer']],
    [
      withPeer({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
      ['spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer'],
    ],
    [withPeer({ podSelector: {}, namespaceSelector: {} }), []],
    [withPeer({ ipBlock: {} }), ['spec.egress[0].to[0].ipBlock.cidr: Required value']],
    [
      withPeer({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '11.0.0.0/16', '10.0.0.0/8'] } }),
      [
        'spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        'spec.egress[0].to[0].ipBlock.except[2]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
      ],
    ],
    [
      { policyTypes: ['Ingress', 'Egress', 'Ingress'] },
      ['spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes'],
    ],
    [
      { policyTypes: ['Odd'] },
      ['spec.policyTypes[0]: Unsupported value: "Odd": supported values: "Egress", "Ingress"'],
    ],
  ])('%j', (spec, errors) => {
    expect(create({ spec }).errors).toEqual(errors);
  });

  it.each([
    [{}, ['Ingress']],
    [{ egress: [{}] }, ['Ingress', 'Egress']],
    [{ policyTypes: ['Egress'] }, ['Egress']],
  ])('%j is of the types %j', (spec, policyTypes) => {
    expect(create({ spec }).object['spec']).toMatchObject({ policyTypes });
  });

  it('has ports of TCP, and says that nothing enforces it', () => {
    const { object, warnings } = create({ spec: withPort({ port: 80 }) });
    expect(object['spec']).toMatchObject(withPort({ port: 80, protocol: 'TCP' }));
    expect(warnings).toEqual([
      'spec: accepted but not acted on: nothing enforces network policies yet, pods reach each other as if there were none',
    ]);
  });

  it('keeps ranges that older versions let in', () => {
    const old = { spec: withPeer({ ipBlock: { cidr: '10.0.0.1/8' } }) };
    expect(create(old).errors).toHaveLength(1);
    expect(update(old, old).errors).toEqual([]);
    expect(update(old, { spec: withPeer({ ipBlock: { cidr: '10.0.0.2/8' } }) })).toMatchObject({
      object: { metadata: { generation: 2 } },
      errors: [
        'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.2/8": must not have bits set beyond the prefix length',
      ],
    });
  });

  it('prints its pods', () => {
    expect(row({ spec: {} })).toEqual(['x', '<none>', '60m']);
    const podSelector = {
      matchLabels: { b: 'c' },
      matchExpressions: [{ key: 'a', operator: 'In', values: ['2', '1'] }],
    };
    expect(row({ spec: { podSelector } })).toEqual(['x', 'a in (1,2),b=c', '60m']);
    expect(row({ spec: { podSelector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } } })).toEqual([
      'x',
      '<error>',
      '60m',
    ]);
  });
});
