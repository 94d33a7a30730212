// The operations of the old paths of watches: /api/v1/watch/...
import { anyType, meta, type Names, type Operation, watchTypes } from './operation.ts';
import { listParameters } from './parameters.ts';

/** Those of a kind whose objects can be watched. */
export function watchOperations(names: Names): Operation[] {
  const { kind, prefix, scope, base, collection, tag, gvk } = names;
  if (!kind.verbs.includes('watch')) return [];
  const watch = (path: string, action: 'watch' | 'watchlist', id: string): Operation => ({
    path: `${base}/watch${path}`,
    method: 'get',
    id: `watch${prefix}${id}`,
    tag,
    description: `watch ${action === 'watch' ? 'one object' : 'objects'} of kind ${kind.kind}; deprecated: list with the parameter watch`,
    action,
    gvk,
    parameters: listParameters,
    body: undefined,
    consumes: anyType,
    result: `${meta}.WatchEvent`,
    produces: watchTypes,
    codes: [200],
    hasPretty: true,
  });
  return [
    watch(collection, 'watchlist', `${scope}${kind.kind}List`),
    watch(`${collection}/{name}`, 'watch', `${scope}${kind.kind}`),
    ...(kind.namespaced ? [watch(`/${kind.resource}`, 'watchlist', `${kind.kind}ListForAllNamespaces`)] : []),
  ];
}
