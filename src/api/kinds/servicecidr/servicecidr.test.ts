import { describe, expect, it } from 'vitest';
import { ipAddressKind } from '../ipaddress/definition.ts';
import { testKind } from '../test-kind.ts';
import { serviceCidrKind } from './definition.ts';

const cidr = testKind(serviceCidrKind);
const of = (...cidrs: string[]) => ({ spec: { cidrs } });

describe('ServiceCIDR', () => {
  it.each([
    [[], ['spec.cidrs: Required value: at least one CIDR required']],
    [['10.0.0.0/16'], []],
    [['10.0.0.0/16', '2001:db8::/112'], []],
    [['10.0.0.1/16'], ['spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length']],
    [
      ['2001:0db8::/112'],
      ['spec.cidrs[0]: Invalid value: "2001:0db8::/112": must be in canonical form ("2001:db8::/112")'],
    ],
    [
      ['10.0.0.0/16', '10.1.0.0/16'],
      [
        'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    ],
    [
      ['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
      [
        'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","10.1.0.0/16","10.2.0.0/16"]}: may only hold up to 2 values',
      ],
    ],
  ])('%j', (cidrs, errors) => {
    expect(cidr.create(of(...cidrs)).errors).toEqual(errors);
  });

  it.each([
    [of('10.0.0.0/16'), []],
    [of('10.0.0.0/16', '2001:db8::/112'), []],
    [of('10.1.0.0/16'), ['spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable']],
    [of(), ['spec.cidrs: Invalid value: []: field is immutable']],
    [{}, ['spec.cidrs: Invalid value: null: field is immutable']],
  ])('10.0.0.0/16 becomes %j', (after, errors) => {
    expect(cidr.update(of('10.0.0.0/16'), after).errors).toEqual(errors);
  });

  it('says that no service gets an IPv6 address', () => {
    expect(cidr.create(of('10.0.0.0/16')).warnings).toEqual([]);
    expect(cidr.create(of('10.0.0.0/16', '2001:db8::/112')).warnings).toEqual([
      'spec.cidrs: accepted but not acted on: services get IPv4 addresses only',
    ]);
  });

  it('prints its ranges; its status has an endpoint of its own', () => {
    expect(cidr.row(of('10.0.0.0/16', '2001:db8::/112'))).toEqual(['x', '10.0.0.0/16,2001:db8::/112', '60m']);
    const status = { conditions: [{ type: 'Ready', status: 'True' }] };
    const { object, errors } = cidr.update(of('10.0.0.0/16'), { ...of(), status }, 'status');
    expect(object).toMatchObject({ ...of('10.0.0.0/16'), status });
    expect(errors).toEqual([]);
  });
});

describe('IPAddress', () => {
  const address = testKind(ipAddressKind);
  const parentRef = { group: '', resource: 'services', namespace: 'default', name: 'web' };
  it.each([
    ['10.0.0.1', { parentRef }, []],
    ['2001:db8::1', { parentRef: { resource: 'things', group: 'example.com', name: 'a' } }, []],
    ['10.0.0.01', { parentRef }, ['metadata.name: Invalid value: "10.0.0.01": must not have leading 0s']],
    ['10.0.0.1', {}, ['spec.parentRef: Required value']],
    [
      '10.0.0.1',
      { parentRef: { group: 'A', namespace: 'a/b' } },
      [
        expect.stringContaining('spec.parentRef.group: Invalid value: "A"'),
        'spec.parentRef.resource: Required value',
        'spec.parentRef.name: Required value',
        `spec.parentRef.namespace: Invalid value: "a/b": may not contain '/'`,
      ],
    ],
  ])('%s %j', (name, spec, errors) => {
    expect(address.create({ metadata: { name }, spec }).errors).toEqual(errors);
  });

  it('keeps its parent, and prints it', () => {
    const old = { metadata: { name: '10.0.0.1' }, spec: { parentRef } };
    expect(address.update(old, { ...old, spec: { parentRef: { ...parentRef, name: 'b' } } }).errors).toEqual([
      'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"default","Name":"b"}: field is immutable',
    ]);
    expect(address.row(old)).toEqual(['10.0.0.1', 'services/default/web']);
    const other = { parentRef: { group: 'example.com', resource: 'Things', name: 'a' } };
    expect(address.row({ spec: other })).toEqual(['x', 'things.example.com/a']);
  });
});
