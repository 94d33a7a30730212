// Reads the Accept header: which rendering of the answer the client wants, or 406.
// Follows apiserver pkg/endpoints/handlers/negotiation of v1.36.

import { notAcceptable } from '../api/meta/errors.ts';
import { isTrue } from './request-info.ts';
import type { ApiRequest, Rendering } from './request.ts';

/** One media range of an Accept header. */
export interface MediaRange {
  type: string;
  params: Readonly<Record<string, string>>;
}

const parsed = new Map<string, readonly MediaRange[]>();
/** Clients send a handful of forms; the cache only guards against one that makes them up. */
const cacheLimit = 256;

/** The ranges in order of preference. */
export function mediaRanges(accept: string): readonly MediaRange[] {
  const known = parsed.get(accept);
  if (known !== undefined) return known;
  const ranges = accept
    .split(',')
    .map((clause) => {
      const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
      const params = Object.fromEntries(
        rest.map((param) => {
          const at = param.indexOf('=');
          return at < 0 ? [param, ''] : [param.slice(0, at), param.slice(at + 1).replace(/^"|"$/g, '')];
        }),
      );
      return { type: type.toLowerCase(), params };
    })
    .filter((range) => range.type !== '')
    .sort((a, b) => Number(b.params['q'] ?? 1) - Number(a.params['q'] ?? 1));
  if (parsed.size >= cacheLimit) parsed.clear();
  parsed.set(accept, ranges);
  return ranges;
}

const json = new Set(['application/json', '*/*', 'application/*']);
const plain: Rendering = { as: 'object' };

const acceptedTypes = 'application/json';

/** How to show the objects of an answer. Throws 406 when nothing that the client accepts can be given. */
export function renderingOf(request: ApiRequest): Rendering {
  const { accept } = request;
  if (accept === '' || accept === '*/*' || accept === 'application/json') return plain;
  for (const { type, params } of mediaRanges(accept)) {
    if (!json.has(type)) continue;
    const as = params['as'];
    if (as === undefined) return plain;
    const version = params['v'];
    if (params['g'] !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue;
    if (as === 'Table')
      return {
        as: 'table',
        version,
        includeObject: includeObject(request),
        noHeaders: isTrue(request.query.get('noHeaders')),
      };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'metadata', version };
  }
  throw notAcceptable(`only the following media types are accepted: ${acceptedTypes}`);
}

function includeObject(request: ApiRequest): 'None' | 'Metadata' | 'Object' {
  const asked = request.query.get('includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}
