// Reads and checks the options of a list, a watch or a deletecollection.
// Follows apiserver endpoints/handlers/get.go and apimachinery meta/internalversion (defaults.go, validation) of v1.36.

import {
  ApiError,
  badRequest,
  FieldPath,
  fieldErrorText,
  forbiddenField,
  invalid,
  invalidObject,
  notSupported,
  type FieldError,
} from '../../api/meta/errors.ts';
import { isTrue } from '../request-info.ts';
import type { ResourceInfo } from '../resources.ts';
import type { Selection } from './resource-cache.ts';
import { parseFieldSelector, parseLabelSelector, type Selector } from './selectors.ts';

/** The options, checked. */
export interface ListOptions {
  selection: Selection;
  /** Empty, or what parseRevision() takes. */
  resourceVersion: string;
  match: string;
  limit: number;
  continue: string;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
  timeoutSeconds: number | undefined;
}

/** Reads the options from the query. Throws 400 and 422. */
export function listOptions(
  info: ResourceInfo,
  namespace: string,
  name: string,
  query: URLSearchParams,
  watch: boolean,
): ListOptions {
  const labels = parseLabelSelector(query.get('labelSelector'));
  const fields = query.get('fieldSelector');
  const options = {
    resourceVersion: query.get('resourceVersion') ?? '',
    match: query.get('resourceVersionMatch') ?? '',
    limit: readInteger(query.get('limit')) ?? 0,
    continue: query.get('continue') ?? '',
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
    timeoutSeconds: readInteger(query.get('timeoutSeconds')),
  };
  if (watch) asStreamingList(options);
  const errors = watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return { ...options, selection: selectionOf(info, namespace, labels, fieldsOf(info, name, fields)) };
}

/** A watch that begins with what is there is a streaming list, also where it was asked for in the old way. */
function asStreamingList(options: Omit<ListOptions, 'selection'>): void {
  const isOld = options.resourceVersion === '' || options.resourceVersion === '0';
  if (!isOld || options.sendInitialEvents !== undefined || options.match !== '') return;
  options.sendInitialEvents = true;
  options.match = 'NotOlderThan';
}

function selectionOf({ kind }: ResourceInfo, namespace: string, labels: Selector, fields: Selector): Selection {
  return {
    namespace: kind.namespaced ? namespace || (fields.exact('metadata.namespace') ?? '') : '',
    labels,
    fields,
  };
}

/** The field selector; where the request names an object, that object alone. */
function fieldsOf(info: ResourceInfo, name: string, text: string | null): Selector {
  const { kind } = info;
  const { fieldLabels } = kind;
  const supported = (label: string): boolean =>
    label === 'metadata.name' ||
    (label === 'metadata.namespace' && (kind.namespaced || fieldLabels === undefined)) ||
    (fieldLabels?.includes(label) ?? false);
  const fields = parseFieldSelector(text, supported, kind.fieldAliases, unknownLabel(info));
  if (name === '') return fields;
  if (fields.empty) return parseFieldSelector(`metadata.name=${name}`, () => true);
  // The request was authorized for that name alone: a selector may repeat it, and say nothing else.
  if (fields.exact('metadata.name') !== name)
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  return fields;
}

/** Kinds with labels of their own refuse others in other words than kinds without. */
function unknownLabel({ kind }: ResourceInfo): (label: string) => string {
  if (kind.fieldLabels !== undefined) return (label) => `field label not supported: ${label}`;
  return (label) =>
    `${JSON.stringify(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** A number of the query as Go reads it into an int64. Throws 400. */
export function readInteger(text: string | null): number | undefined {
  if (text === null) return undefined;
  const isNumber = /^[-+]?\d+$/.test(text);
  if (isNumber && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return Number(text);
  const why = isNumber ? 'value out of range' : 'invalid syntax';
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
}

const matchPath = new FieldPath('resourceVersionMatch');

function listErrors({ match, resourceVersion, ...options }: Omit<ListOptions, 'selection'>): FieldError[] {
  const errors: FieldError[] = [];
  const forbid = (why: string): void => void errors.push(forbiddenField(matchPath, why));
  if (match !== '') {
    if (resourceVersion === '') forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (options.continue !== '') forbid('resourceVersionMatch is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported(matchPath, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0')
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (options.sendInitialEvents !== undefined)
    errors.push(forbiddenField(new FieldPath('sendInitialEvents'), 'sendInitialEvents is forbidden for list'));
  return errors;
}

function watchErrors({ match, sendInitialEvents, ...options }: Omit<ListOptions, 'selection'>): FieldError[] {
  const errors: FieldError[] = [];
  const forbid = (why: string): void => void errors.push(forbiddenField(matchPath, why));
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (match !== '') {
    if (sendInitialEvents === undefined)
      forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    if (match !== 'NotOlderThan') errors.push(notSupported(matchPath, match, ['NotOlderThan']));
    if (options.continue !== '') forbid('resourceVersionMatch is forbidden when continue is provided');
  }
  return errors;
}

/** The text of an ApiError where the API's storage gives one of no kind: 500, without a reason. */
function unsorted(message: string): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
}

/**
 * The number of a resourceVersion; 0 where it is empty. For what is no number a list throws 400; a get and a watch throw 500, as
 * upstream's do.
 */
export function parseRevision(text: string, verb: 'get' | 'list' | 'watch'): number {
  if (text === '') return 0;
  const isNumber = /^\d+$/.test(text);
  if (isNumber && BigInt(text) < 2n ** 64n) return Number(text);
  const why = isNumber ? 'value out of range' : 'invalid syntax';
  const error = invalid(
    new FieldPath('resourceVersion'),
    text,
    `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
  );
  if (verb === 'list') throw badRequest(`invalid resource version: ${fieldErrorText(error)}`);
  throw unsorted(fieldErrorText(error));
}
