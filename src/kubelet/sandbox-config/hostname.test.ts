import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types.ts';
import { kernelHostname, podHostname } from './hostname.ts';

const podOf = (name: string, spec: Partial<PodSpec> = {}): Pod =>
  ({ metadata: { name, namespace: 'shop' }, spec: { containers: [], ...spec } }) as unknown as Pod;
const long = `${'a'.repeat(61)}-.bcd`;

describe('podHostname', () => {
  it.each([
    ['web', {}, 'web', ''],
    ['web', { hostname: 'db' }, 'db', ''],
    ['web', { subdomain: 'cache' }, 'web', 'cache.shop.svc.cluster.local'],
    ['web', { hostname: 'db', subdomain: 'cache' }, 'db', 'cache.shop.svc.cluster.local'],
    [long, {}, 'a'.repeat(61), ''],
    ['web', { hostnameOverride: 'any.name', hostname: 'db', subdomain: 'x' }, 'any.name', ''],
  ])('%s %j', (name, spec, hostname, domain) => {
    expect(podHostname(podOf(name, spec), 'cluster.local')).toEqual({ hostname, domain });
  });
  it.each([
    [{ hostname: 'Bad_Name' }, 'pod Hostname "Bad_Name" is not a valid DNS label: a lowercase RFC 1123 label'],
    [{ subdomain: 'a.b' }, 'pod Subdomain "a.b" is not a valid DNS label'],
    [{ hostname: 'h'.repeat(64) }, 'must be no more than 63 characters'],
  ])('refuses %j', (spec, message) => expect(() => podHostname(podOf('web', spec), 'x')).toThrow(message));
});

describe('kernelHostname', () => {
  const name = { hostname: 'web', domain: 'cache.shop.svc.cluster.local' };
  it.each([
    [name, undefined, 'web'],
    [name, false, 'web'],
    [name, true, 'web.cache.shop.svc.cluster.local'],
    [{ hostname: 'web', domain: '' }, true, 'web'],
  ])('%j %s → %s', (hostname, asFqdn, expected) => expect(kernelHostname(hostname, asFqdn)).toBe(expected));
  it('refuses one that does not fit', () => {
    expect(() => kernelHostname({ hostname: 'h'.repeat(40), domain: 'd'.repeat(24) }, true)).toThrow(
      'is too long (64 characters is the max, 65 characters requested)',
    );
  });
});
