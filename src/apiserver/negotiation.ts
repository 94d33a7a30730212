// Reads the Accept header: which rendering of the answer the client wants, or 406.
// Follows apiserver pkg/endpoints/handlers/negotiation of v1.36.

import { badRequest, FieldPath, fieldErrorText, invalid, notAcceptable, routerError } from '../api/meta/errors.ts';
import { hasMessage } from './protobuf/field-numbers.ts';
import { isTrue } from './request-info.ts';
import type { ApiRequest, Media, Rendering } from './request.ts';
import type { ResourceInfo } from './resources.ts';

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

type Params = MediaRange['params'];

/** What is offered, in the order of preference. */
const offers: readonly { media: Media; subtype: string; type: string }[] = [
  { media: 'json', subtype: 'json', type: 'application/json' },
  { media: 'yaml', subtype: 'yaml', type: 'application/yaml' },
  { media: 'protobuf', subtype: 'vnd.kubernetes.protobuf', type: 'application/vnd.kubernetes.protobuf' },
];

/** The Content-Type of an answer in that form. */
export const contentTypes: Readonly<Record<Media, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

/** The first form that the client accepts and `allows` does, with the parameters of its media range; undefined when there is none. */
function choose(
  accept: string,
  allows: (media: Media, params: Params) => boolean,
): { media: Media; params: Params } | undefined {
  if (accept === '') return { media: 'json', params: {} };
  for (const { type, params } of mediaRanges(accept))
    for (const offer of offers) {
      const fits = type === '*/*' || type === '*' || type === 'application/*' || type === offer.type;
      // YAML is no stream; no other stream than a watch is known, and no version of the server's group than v1.
      const streams = !params['stream'] || (params['stream'] === 'watch' && offer.media !== 'yaml');
      const versioned = !params['sv'] || params['sv'] === 'v1';
      if (fits && streams && versioned && allows(offer.media, params)) return { media: offer.media, params };
    }
  return undefined;
}

const convertingParams = ['as', 'g', 'v'];
const converts = (params: Params): boolean => convertingParams.some((name) => params[name] !== undefined);

/** The form of an answer that is shown in no other way than as it is (errors, reviews); undefined when nothing fits. */
export function plainMedia(accept: string, allows: (media: Media) => boolean = () => true): Media | undefined {
  return choose(accept, (media, params) => !converts(params) && allows(media))?.media;
}

/** Whether there is any form of a Status that the client takes. */
export const acceptsAny = (accept: string): boolean => choose(accept, (_, params) => !converts(params)) !== undefined;

/** The form of a document that is the same for all and has every form (discovery). `isRouted` where upstream's router looks first. Throws 406 when the client accepts none. */
export function documentMedia(accept: string, isRouted: boolean): Media {
  if (isRouted) refuseRoute(accept, types);
  const chosen = choose(accept, (_, params) => !converts(params));
  if (chosen === undefined) throw refusal('object');
  return chosen.media;
}

/** A form of aggregated discovery, or of a plain document; `isRouted` as above. Throws 406 when the client accepts neither. */
export function discoveryMedia(accept: string, isRouted: boolean): { media: Media; aggregated: boolean } {
  if (isRouted) refuseRoute(accept, types);
  const isAggregated = ({ g, v, as }: Params): boolean =>
    g === 'apidiscovery.k8s.io' && v === 'v2' && as === 'APIGroupDiscoveryList';
  const chosen = choose(accept, (_, params) => !converts(params) || isAggregated(params));
  if (chosen === undefined) throw refusal('object');
  return { media: chosen.media, aggregated: isAggregated(chosen.params) };
}

/** What is answered: it decides which renderings there are. */
export type Answer = 'object' | 'list' | 'watch';

/** How to show the objects of an answer. Throws 406 when nothing that the client accepts can be given. */
export function renderingOf(request: ApiRequest, { kind }: ResourceInfo, answer: Answer): Rendering {
  const chosen = choose(request.accept, (media, params) => {
    // Objects of custom kinds have no protobuf form; their metadata has.
    if (!converts(params)) return media !== 'protobuf' || hasMessage(kind.definition);
    const version = params['v'];
    if (params['g'] !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return false;
    if (params['as'] === 'Table') return media !== 'protobuf';
    return params['as'] === 'PartialObjectMetadata' || params['as'] === 'PartialObjectMetadataList';
  });
  if (kind.schema === undefined) refuseRoute(request.accept, representations(answer));
  if (chosen === undefined) throw refusal('object');
  if (answer === 'watch' && chosen.media === 'yaml') throw refusal(answer);
  const { media, params } = chosen;
  const form = { ...(media === 'json' ? {} : { media }), ...(isPretty(request, params) ? { pretty: true } : {}) };
  const version = params['v'] === 'v1beta1' ? 'v1beta1' : 'v1';
  switch (params['as']) {
    case 'Table': {
      const noHeaders = isTrue(request.query.get('noHeaders'));
      return { as: 'table', version, includeObject: includeObject(request), noHeaders, ...form };
    }
    case 'PartialObjectMetadata':
      if (answer === 'list')
        return { as: 'object', unfit: notMetadata('PartialObjectMetadata', 'a list', kind, 'List'), ...form };
      return { as: 'metadata', version, ...form };
    case 'PartialObjectMetadataList':
      if (answer === 'object')
        return { as: 'object', unfit: notMetadata('PartialObjectMetadataList', 'not a list', kind, ''), ...form };
      // An object is no list: a watch shows it as it is.
      return answer === 'watch' ? { as: 'object', ...form } : { as: 'metadata', version, ...form };
    default:
      return { as: 'object', ...form };
  }
}

const types = offers.map(({ type }) => type);
const streams = offers.filter(({ media }) => media !== 'yaml').map(({ type }) => `${type};stream=watch`);

/** Throws 406 where a review, or a log (which is plain text), cannot be given as the client accepts. */
export const refuseReview = (accept: string): void => refuseRoute(accept, types);
export const refuseLog = (accept: string): void => refuseRoute(accept, ['text/plain', ...types]);

/** The media types that upstream's router knows where such an answer is given. */
const representations = (answer: Answer): readonly string[] => (answer === 'object' ? types : [...types, ...streams]);

/** Throws 406 in the words of upstream's router, where the client accepts none of those media types, whatever their parameters. */
export function refuseRoute(accept: string, available: readonly string[]): void {
  if (accept === '' || (accept === 'application/json' && available.includes(accept))) return;
  const names = new Set(['*/*', ...available.map((type) => type.split(';', 1)[0] ?? '')]);
  if (mediaRanges(accept).some(({ type }) => names.has(type))) return;
  throw routerError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`);
}

function refusal(answer: Answer): Error {
  const accepted = answer === 'watch' ? streams : types;
  return notAcceptable(`only the following media types are accepted: ${accepted.join(', ')}`);
}

function notMetadata(asked: string, is: string, kind: ResourceInfo['kind'], suffix: string): Error {
  const internal = kind.group === '' || kind.group === 'events.k8s.io' ? 'core' : (kind.group.split('.')[0] ?? '');
  return notAcceptable(
    `you requested ${asked}, but the requested object is ${is} (*${internal}.${kind.kind}${suffix})`,
  );
}

function includeObject(request: ApiRequest): 'None' | 'Metadata' | 'Object' {
  const asked = request.query.get('includeObject') ?? '';
  if (asked === '') return 'Metadata';
  if (asked === 'None' || asked === 'Object' || asked === 'Metadata') return asked;
  const why = invalid(new FieldPath('includeObject'), asked, "must be 'Metadata', 'Object', 'None', or empty");
  throw badRequest(`Unable to convert to Table as requested: ${fieldErrorText(why)}`);
}

const humanClients = ['curl', 'Wget', 'Mozilla/5.0'];

/** Whether JSON is indented: as asked, and for what people type by hand. */
export function isPretty(request: Pick<ApiRequest, 'query' | 'userAgent'>, params: Params = {}): boolean {
  if (params['pretty'] === '1') return true;
  const asked = request.query.get('pretty') ?? '';
  if (asked !== '') return /^(1|t|true)$/i.test(asked);
  return humanClients.some((name) => request.userAgent.startsWith(name));
}
