// What is asked of paths that are no resources: by every method, in every form, by people and by programs.
import type { Request } from './changes.ts';

const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH'];

/** By every method. */
const paths = [
  '/',
  '/index.html',
  '/healthz',
  '/healthz/',
  '/healthz/ping',
  '/healthz/etcd',
  '/healthz/log',
  '/healthz/poststarthook/rbac/bootstrap-roles',
  '/livez',
  '/livez/ping',
  '/livez/shutdown',
  '/livez/etcd/',
  '/livez?exclude=ping',
  '/readyz',
  '/readyz/',
  '/readyz/shutdown',
  '/readyz/informer-sync',
  '/readyz?exclude=etcd,ping',
  '/version',
  '/version/',
  '/metrics/',
  '/metrics/nosuch',
  '/api',
  '/api/',
  '/apis',
  '/apis/',
  '/apis/networking.k8s.io',
  '/apis/networking.k8s.io/',
  '/apis/networking.k8s.io/v1',
  '/apis/networking.k8s.io/v1/',
  '/openapi',
  '/openapi/',
  '/openapi/v3/apis/nosuch/v1',
  '/openid/v1/jwks',
  '/openid/v1/jwks/',
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/',
  '/robots.txt',
  '/nosuch',
  '/nosuch/',
  '/proxy',
  '/ui/',
  '/swagger-2.0.0.pb-v1',
  '/api/v1/namespaces/default?watch=true&timeoutSeconds=1',
];

const accepts = [
  'text/plain',
  'text/html',
  'application/yaml',
  'application/xml',
  '*/*',
  '*/*;q=0.1',
  '*',
  'json',
  'a/b/c',
  ', ,',
  'application/*',
  'application/json;q=0',
  'application/json;charset=utf-8',
  'application/json;q=0.1,application/yaml;q=0.9',
  'application/yaml;q=0.5,application/json;q=0.4',
  'application/openmetrics-text;version=1.0.0',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'application/json;as=APIGroupDiscoveryList;v=v2beta1;g=apidiscovery.k8s.io',
];

/** In all those forms. */
const shown = [
  '/',
  '/healthz',
  '/version',
  '/api',
  '/apis',
  '/apis/networking.k8s.io/v1',
  '/api/v1/namespaces/default',
  '/openid/v1/jwks',
  '/openapi/v2?',
  '/openapi/v3/version',
  '/nosuch',
  '/livez?exclude=nosuch',
];

const people = ['curl/8.0', 'Mozilla/5.0 x', 'Wget/1', 'kubectl/v1.36'];

/** Of which only the headers are comparable: what they hold is compared part by part. */
const isDocument = (path: string): boolean => path.startsWith('/openapi/v');

export function* endpoints(): Generator<Request> {
  const ask = (method: string, path: string, more: Partial<Request> = {}): Request => ({
    what: `${method} ${path} ${JSON.stringify(more)}`,
    method: isDocument(path) && method === 'GET' ? 'HEAD' : method,
    path,
    ...more,
  });
  for (const path of paths) for (const method of methods) yield ask(method, path);
  for (const path of shown) {
    // Groups that are not served cannot be told apart in YAML.
    for (const accept of accepts) if (path !== '/apis' || !accept.includes('yaml')) yield ask('GET', path, { accept });
    if (isDocument(path)) continue;
    for (const pretty of ['true', '1', '0', ''])
      yield ask('GET', `${path}${path.includes('?') ? '&' : '?'}pretty=${pretty}`);
    for (const agent of people) yield ask('GET', path, { headers: { 'user-agent': agent } });
  }
}
