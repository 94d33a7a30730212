import { expect, test } from 'vitest';
import { routeOf, subresourcesOf, verbOf } from './route.ts';

test.each<[string, string, string, string[]]>([
  ['GET', '/pods', 'get', ['pods', 'proxy']],
  ['GET', '/runningpods/', 'get', ['pods', 'proxy']],
  ['GET', '/healthz/syncloop', 'get', ['healthz', 'proxy']],
  ['GET', '/configz', 'get', ['configz', 'proxy']],
  ['GET', '/statusz', 'get', ['statusz', 'proxy']],
  ['GET', '/stats/summary', 'get', ['stats']],
  ['GET', '/metrics/cadvisor', 'get', ['metrics']],
  ['GET', '/logs/', 'get', ['log']],
  ['POST', '/checkpoint/a/b/c', 'create', ['checkpoint']],
  ['GET', '/containerLogs/a/b/c', 'get', ['proxy']],
  ['POST', '/exec/a/b/c?command=id', 'create', ['proxy']],
  ['PUT', '/debug/flags/v', 'update', ['proxy']],
  ['OPTIONS', '/pods', '', ['pods', 'proxy']],
  ['GET', '/podsX', 'get', ['proxy']],
  ['GET', '/constructor', 'get', ['proxy']],
  ['GET', '/', 'get', ['proxy']],
])('%s %s: %s %j', (method, url, verb, subresources) => {
  const route = routeOf(method, url);
  expect([verbOf(route), subresourcesOf(route)]).toEqual([verb, subresources]);
});

test('segments are decoded, and a slash at the end shows', () => {
  expect(routeOf('GET', '/logs/a%20b/?x=1&x=2')).toMatchObject({ root: 'logs', parts: ['a b', ''] });
  expect(routeOf('GET', '/%70ods')).toMatchObject({ root: 'pods', parts: [] });
  expect(routeOf('GET', '/x?a=%2F').query.get('a')).toBe('/');
});

test.each([
  '//pods',
  '/pods/../exec/a/b/c',
  '/healthz/%2e%2e/exec',
  '/logs//x',
  '/logs/a%2Fb',
  '/logs/a%00',
  '/logs/%zz',
  'http://other/pods',
  '',
])('%j is refused', (url) => expect(() => routeOf('GET', url)).toThrow('bad path'));
