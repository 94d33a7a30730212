import { describe, expect, test } from 'vitest';
import { movedLocation, proxyPath } from './proxy-path.ts';

const base = '/api/v1/namespaces/d/pods/p/proxy';

describe('what the backend is asked for', () => {
  test.each([
    [base, [], ''],
    [`${base}/`, [], '/'],
    [`${base}/a`, ['a'], '/a'],
    [`${base}/a/b/`, ['a', 'b'], '/a/b/'],
    [`${base}/a//b`, ['a', '', 'b'], '/a/b'],
    [`${base}/a%20b/%C3%A4%3F%23%25`, ['a b', 'ä?#%'], '/a%20b/%C3%A4%3F%23%25'],
    // What Go leaves as it is, and what it does not.
    [`${base}/x`, ["a:b@c&d=e+f$g,h;i'(*)!~"], '/a:b@c&d=e+f$g,h;i%27%28%2A%29%21~'],
    [`${base}/%2e%2e/%2e%2e/etc`, ['..', '..', 'etc'], '/etc'],
    [`${base}/a/%2e%2e`, ['a', '..'], '/'],
    [`${base}/..%2f..%2fetc`, ['../../etc'], '/etc'],
    [`${base}/./a`, ['.', 'a'], '/a'],
  ])('%s', (path, rest, expected) => expect(proxyPath(path, rest)).toBe(expected));
});

describe('where a redirect leads', () => {
  const hosts = ['10.0.0.7:80', 'api:6443'];
  test.each([
    ['/login', '/a', `${base}/login`],
    ['/login/?next=%2Fx#y', '/a', `${base}/login/?next=%2Fx#y`],
    ['http://10.0.0.7:80/login', '/a', `${base}/login`],
    ['https://api:6443/login', '/a', `${base}/login`],
    ['//10.0.0.7:80/login', '/a', `${base}/login`],
    ['http://10.0.0.7:80', '/a', `${base}/`],
    ['https://elsewhere/login', '/a', 'https://elsewhere/login'],
    ['login', '/a', 'login'],
    ['../up', '/a/b', '../up'],
    [`${base}/there`, '/a', `${base}/there`],
    [`https://api:6443${base}/there`, '/a', `${base}/there`],
    ['http://[', '/a', undefined],
  ])('%s of %s', (location, path, expected) =>
    expect(movedLocation(location, { requestPath: `${base}${path}`, path, hosts })).toBe(expected),
  );
});
