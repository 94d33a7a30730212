import { describe, expect, it } from 'vitest';
import { allKinds } from '../api/kinds/all.ts';
import { gatedKinds, servedKinds } from './runtime-config.ts';

const names = (list: string): string[] =>
  servedKinds(allKinds, list).map(({ group, version, resource }) => `${group}/${version}/${resource}`);

describe('servedKinds', () => {
  it('serves everything but alpha and beta versions where nothing is said', () =>
    expect(servedKinds(allKinds, '')).toEqual(allKinds.filter(({ version }) => !/alpha|beta/.test(version))));

  it('serves PodPresets where that is asked for', () => {
    const presets = 'settings.k8s.io/v1alpha1/podpresets';
    expect(names('')).not.toContain(presets);
    for (const list of ['settings.k8s.io/v1alpha1=true', 'settings.k8s.io/v1alpha1', 'api/alpha=true', 'api/all=true'])
      expect(names(list)).toContain(presets);
  });

  it('turns off a version, a resource, or what is not named', () => {
    expect(names('events.k8s.io/v1=false')).not.toContain('events.k8s.io/v1/events');
    expect(names('events.k8s.io/v1=false')).toContain('/v1/events');
    expect(names('rbac.authorization.k8s.io/v1/roles=false')).toContain('rbac.authorization.k8s.io/v1/clusterroles');
    expect(names('rbac.authorization.k8s.io/v1/roles=false')).not.toContain('rbac.authorization.k8s.io/v1/roles');
    const few = names('api/all=false,coordination.k8s.io/v1=true');
    expect(few).toContain('coordination.k8s.io/v1/leases');
    expect(few).toContain('/v1/pods');
    expect(few).not.toContain('events.k8s.io/v1/events');
    expect(names('api/ga=false')).not.toContain('events.k8s.io/v1/events');
    expect(names('api/beta=false,api/alpha=false,v1')).toEqual(names(''));
  });

  it('serves trust bundles where their version and their gate are on', () => {
    const served = (list: string, ...gates: 'ClusterTrustBundle'[]): string[] => {
      const kinds = gatedKinds(servedKinds(allKinds, list), new Set(gates), ({ kind, version }, gate) =>
        left.push(`${version} ${kind} ${gate}`),
      );
      return kinds.filter(({ kind }) => kind === 'ClusterTrustBundle').map(({ version }) => version);
    };
    const left: string[] = [];
    const beta = 'certificates.k8s.io/v1beta1/clustertrustbundles=true';
    expect(served('', 'ClusterTrustBundle')).toEqual([]);
    expect(served(beta, 'ClusterTrustBundle')).toEqual(['v1beta1']);
    expect(served('certificates.k8s.io/v1alpha1', 'ClusterTrustBundle')).toEqual(['v1alpha1']);
    expect(served('api/beta=true,api/alpha=true', 'ClusterTrustBundle')).toEqual(['v1beta1', 'v1alpha1']);
    expect(left).toEqual([]);
    expect(served(beta)).toEqual([]);
    expect(left).toEqual(['v1beta1 ClusterTrustBundle ClusterTrustBundle']);
  });

  it.each([
    ['settings.k8s.io/v1=true', 'group version settings.k8s.io/v1 that has not been registered'],
    ['events.k8s.io/v2=true', 'group version events.k8s.io/v2 that has not been registered'],
    ['nonsense', 'runtime-config invalid key nonsense'],
    ['a/b/c/d=true', 'runtime-config invalid key a/b/c/d'],
    ['events.k8s.io/v1=perhaps', 'invalid value of events.k8s.io/v1: perhaps, err: strconv.ParseBool'],
    ['api/all=false', 'invalid key with only api/all=false'],
    ['resource.k8s.io/v1beta1=true', 'runtime-config resource.k8s.io/v1beta1: not built into Peapod'],
    ['v1=false', 'Peapod itself needs the core API'],
  ])('refuses %j', (list, message) => expect(() => servedKinds(allKinds, list)).toThrow(message));
});
