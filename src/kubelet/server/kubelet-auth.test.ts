// Who is let in, on an API server that answers from tables.
import { describe, expect, test } from 'vitest';
import type { SubjectAccessReview, TokenReview } from '../../api/generated/types.ts';
import type { Client } from '../../client/client.ts';
import { cacheTtl, createKubeletAuth } from './kubelet-auth.ts';
import { routeOf } from './route.ts';

/** An API server where `rights` are "user verb subresource", and tokens are their users' names. */
function setUp(rights: string[]) {
  const asked: string[] = [];
  let now = 0;
  let away = false;
  const client: Pick<Client, 'create'> = {
    create: async (resource, object) => {
      if (away) throw new Error('away');
      if (resource.resource === 'tokenreviews') {
        const { token } = (object as unknown as TokenReview).spec;
        asked.push(`who is ${token}`);
        const known = token?.startsWith('of-') === true;
        const user = { username: token?.slice(3), groups: ['system:serviceaccounts'] };
        return { ...object, status: known ? { authenticated: true, user } : { error: 'unknown' } };
      }
      const { user, groups, resourceAttributes } = (object as unknown as SubjectAccessReview).spec;
      const { verb, resource: of, subresource, name } = resourceAttributes ?? {};
      asked.push(`may ${user} (${groups?.join()}) ${verb} ${of}/${subresource} of ${name}`);
      return { ...object, status: { allowed: rights.includes(`${user} ${verb} ${subresource}`) } };
    },
  };
  const auth = createKubeletAuth({ client: client as Client, nodeName: 'n', clock: { monotonic: () => now } });
  return {
    asked,
    rights,
    pass: (ms: number) => (now += ms),
    goAway: () => (away = true),
    /** 'in', or the answer. */
    async enter(url: string, who: { cert?: string; headers?: string[] } = {}, method = 'GET'): Promise<string> {
      const user = who.cert === undefined ? undefined : { name: who.cert, groups: ['g'] };
      try {
        await auth({ user, rawHeaders: who.headers ?? [] }, routeOf(method, url));
        return 'in';
      } catch (error) {
        return `${(error as { status: number }).status} ${(error as Error).message}`;
      }
    },
  };
}

const bearer = (token: string): string[] => ['Host', 'n', 'Authorization', `Bearer ${token}`];

describe('the kubelet lets in', () => {
  test('nobody without a name', async () => {
    const { enter, asked } = setUp([]);
    expect(await enter('/healthz')).toBe('401 Unauthorized');
    expect(await enter('/healthz', { headers: ['Authorization', 'Basic eDp5'] })).toBe('401 Unauthorized');
    expect(await enter('/healthz', { headers: [...bearer('of-a'), ...bearer('of-b')] })).toBe('401 Unauthorized');
    expect(asked).toEqual([]);
    expect(await enter('/healthz', { headers: bearer('stolen') })).toBe('401 Unauthorized');
  });

  test('a certificate with the right of the path, or of everything', async () => {
    const { enter, asked } = setUp(['fine get metrics', 'fine get pods', 'broad get proxy']);
    expect(await enter('/metrics/cadvisor', { cert: 'fine' })).toBe('in');
    expect(await enter('/pods', { cert: 'fine' })).toBe('in');
    expect(await enter('/runningpods/', { cert: 'fine' })).toBe('in');
    expect(await enter('/pods', { cert: 'broad' })).toBe('in');
    expect(await enter('/containerLogs/ns/p/c', { cert: 'broad' })).toBe('in');
    expect(await enter('/metrics', { cert: 'broad' })).toBe(
      '403 Forbidden (user=broad, verb=get, resource=nodes, subresource(s)=[metrics])\n',
    );
    expect(await enter('/configz', { cert: 'fine' })).toBe(
      '403 Forbidden (user=fine, verb=get, resource=nodes, subresource(s)=[configz proxy])\n',
    );
    expect(await enter('/exec/ns/p/c', { cert: 'broad' }, 'POST')).toBe(
      '403 Forbidden (user=broad, verb=create, resource=nodes, subresource(s)=[proxy])\n',
    );
    expect(asked[0]).toBe('may fine (g,system:authenticated) get nodes/metrics of n');
  });

  test('a token by the name that the API server gives it', async () => {
    const { enter, asked, pass } = setUp(['sa get stats']);
    expect(await enter('/stats/summary', { headers: bearer('of-sa') })).toBe('in');
    expect(await enter('/stats/summary', { headers: bearer('of-sa') })).toBe('in');
    expect(asked).toEqual(['who is of-sa', 'may sa (system:serviceaccounts) get nodes/stats of n']);
    pass(cacheTtl.token);
    await enter('/stats/summary', { headers: bearer('of-sa') });
    expect(asked.slice(2)).toEqual(['who is of-sa']);
  });

  test('by answers that are kept for a while: long when allowed, shortly when not', async () => {
    const { enter, asked, rights, pass } = setUp(['a get proxy']);
    expect([await enter('/x', { cert: 'a' }), await enter('/x', { cert: 'b' })].map((t) => t.slice(0, 3))).toEqual([
      'in',
      '403',
    ]);
    rights.splice(0, 1, 'b get proxy');
    pass(cacheTtl.refused - 1);
    expect((await enter('/x', { cert: 'b' })).slice(0, 3)).toBe('403');
    pass(1);
    expect(await enter('/x', { cert: 'b' })).toBe('in');
    expect(await enter('/x', { cert: 'a' })).toBe('in');
    pass(cacheTtl.allowed);
    expect((await enter('/x', { cert: 'a' })).slice(0, 3)).toBe('403');
    expect(asked).toHaveLength(4);
  });

  test('nobody whom the API server cannot speak for', async () => {
    const { enter, goAway } = setUp(['a get proxy']);
    goAway();
    expect(await enter('/x', { cert: 'a' })).toBe(
      '500 Authorization error (user=a, verb=get, resource=nodes, subresource=proxy)',
    );
    expect(await enter('/x', { headers: bearer('of-a') })).toBe('401 Unauthorized');
  });

  test('many who ask at once by one question', async () => {
    const { enter, asked } = setUp(['a get proxy']);
    expect(await Promise.all(Array.from({ length: 5 }, () => enter('/x', { cert: 'a' })))).toEqual(
      Array.from({ length: 5 }, () => 'in'),
    );
    expect(asked).toHaveLength(1);
  });
});
