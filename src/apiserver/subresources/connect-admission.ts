// Lets admission have its say on connections: exec, attach, portforward and proxy, each with its options as an object.
// Follows apiserver pkg/endpoints/handlers/rest.go (ConnectResource) and the conversion of query parameters of v1.36.

import { internalError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { attributes, type WriteContext } from '../registry/write-context.ts';
import type { ApiRequest, UserInfo } from '../request.ts';
import type { RequestInfo } from '../request-info.ts';
import type { ResourceInfo } from '../resources.ts';
import { streamOptions } from './pod-location.ts';

/** The fields of all options of connections. */
interface ConnectOptions extends KubeObject {
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
  tty?: boolean;
  container?: string;
  command?: string[];
  ports?: number[];
  path?: string;
}

const flags = ['stdin', 'stdout', 'stderr', 'tty'] as const;

/** The options of exec or attach: which streams, and in which container. */
function commandOptions(kind: string, query: URLSearchParams): ConnectOptions {
  const options: ConnectOptions = { kind, apiVersion: 'v1' };
  const asked = streamOptions(query);
  for (const flag of flags) if (asked[flag]) options[flag] = true;
  const container = query.get('container') ?? '';
  return container === '' ? options : { ...options, container };
}

/** The options object of a connection to that resource and subresource. */
function optionsOf({ resource, subresource, rest }: RequestInfo, query: URLSearchParams): ConnectOptions {
  switch (subresource) {
    case 'exec':
      return { ...commandOptions('PodExecOptions', query), command: query.getAll('command') };
    case 'attach':
      return commandOptions('PodAttachOptions', query);
    case 'portforward': {
      const ports = query.getAll('ports').flatMap((list) => list.split(',').map(Number));
      return { kind: 'PodPortForwardOptions', apiVersion: 'v1', ...(ports.length === 0 ? {} : { ports }) };
    }
    default: {
      const kind = `${resource === 'nodes' ? 'Node' : resource === 'services' ? 'Service' : 'Pod'}ProxyOptions`;
      return { kind, apiVersion: 'v1', ...(rest.length === 0 ? {} : { path: rest.join('/') }) };
    }
  }
}

/** The query that stands for the options, once admission may have changed them. */
function queryOf(options: ConnectOptions): URLSearchParams {
  const query = new URLSearchParams();
  for (const flag of flags) query.set(flag, String(options[flag] ?? false));
  if (options.container !== undefined) query.set('container', options.container);
  for (const word of options.command ?? []) query.append('command', word);
  for (const port of options.ports ?? []) query.append('ports', String(port));
  return query;
}

/** Who connects, and by what request. */
export interface Connecting {
  user: UserInfo;
  request: Pick<ApiRequest, 'annotations' | 'signal'>;
  /** Where what admission warns of is added; an answer that is a switch of protocols has no place for it, upstream neither. */
  warnings?: string[];
}

/**
 * Asks admission, and gives the query as it left the options of a stream. Throws what admission throws, and 500 where a plugin
 * wants a proxied request to go to another path, which is not done here.
 */
export async function admitConnection(
  deps: RegistryDeps,
  resource: ResourceInfo,
  info: RequestInfo,
  query: URLSearchParams,
  { user, request, warnings = [] }: Connecting,
): Promise<URLSearchParams> {
  const context: WriteContext = {
    deps,
    info: resource,
    user,
    request,
    options: { dryRun: false, fieldValidation: 'Ignore', fieldManager: '' },
    subresource: info.subresource,
    namespace: info.namespace,
    warnings,
  };
  const options = optionsOf(info, query);
  const { path } = options;
  await deps.admission.mutate(attributes(context, 'CONNECT', info.name, options, undefined, () => undefined));
  await deps.admission.validate(attributes(context, 'CONNECT', info.name, options, undefined, () => undefined));
  if (options.path !== path) throw internalError('admission changed the path of a proxied request');
  return info.subresource === 'proxy' ? query : queryOf(options);
}
