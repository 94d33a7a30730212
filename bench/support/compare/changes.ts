// What both servers are asked of an object that both have: updates, patches of every type, other forms of it, and deletions; no answer is kept.
import type { Json } from './difference.ts';
import { variants } from './variants.ts';

export interface Request {
  what: string;
  method: string;
  path: string;
  body?: string;
  /** application/json where not said. */
  contentType?: string;
  accept?: string;
  headers?: Readonly<Record<string, string>>;
}

type JsonObject = { [key: string]: Json };

/** Kinds whose objects would change how other requests are answered. */
const aloof = /^(admissionregistration|apiregistration|flowcontrol)/;

/** Whether an object may be stored to be changed. */
export const mayBeKept = ({ apiVersion }: JsonObject): boolean =>
  typeof apiVersion === 'string' && !aloof.test(apiVersion);

export const nameOf = ({ metadata }: JsonObject): string => {
  const { name } = (metadata ?? {}) as JsonObject;
  return typeof name === 'string' ? name : '';
};

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const metadataOf = (kind: string): string => `application/json;as=${kind};v=v1;g=meta.k8s.io`;
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const jsonPatch = 'application/json-patch+json';
const apply = 'application/apply-patch+yaml';

/** `object` is in the collection `path` already. */
export function* changes(kind: string, path: string, object: JsonObject): Generator<Request> {
  const one = `${path}/${nameOf(object)}`;
  const dry = `${one}?dryRun=All`;
  const ask = (what: string, method: string, at: string, body?: Json, contentType?: string): Request => ({
    what: `${kind} ${what}`,
    method,
    path: at,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(contentType === undefined ? {} : { contentType }),
  });
  yield ask('is read', 'GET', one);
  yield { ...ask('is read as a table', 'GET', one), accept: table };
  yield { ...ask('is read as metadata', 'GET', one), accept: metadataOf('PartialObjectMetadata') };
  yield { ...ask('is listed as a table', 'GET', path), accept: table };
  yield { ...ask('is listed as metadata', 'GET', path), accept: metadataOf('PartialObjectMetadataList') };
  yield ask('is listed', 'GET', `${path}?limit=500&labelSelector=a%3Db`);
  yield ask('is updated at an old version', 'PUT', dry, withMetadata(object, { resourceVersion: '1' }));
  yield ask('is updated by a wrong version', 'PUT', dry, withMetadata(object, { resourceVersion: 'x' }));
  yield ask('is updated with another uid', 'PUT', dry, withMetadata(object, { uid: 'other' }));
  yield ask('is updated under another name', 'PUT', dry, withMetadata(object, { name: 'another' }));
  yield ask('is updated with an unknown field', 'PUT', `${dry}&fieldValidation=Strict`, { ...object, nosuch: 1 });
  yield ask('is updated with an unknown field, warned of', 'PUT', `${dry}&fieldValidation=Warn`, {
    ...object,
    nosuch: 1,
  });
  yield ask('is updated by a manager', 'PUT', `${dry}&fieldManager=me`, withMetadata(object, { labels: { x: 'y' } }));
  for (const type of [merge, strategic]) {
    yield ask(`is patched with nothing (${type})`, 'PATCH', dry, {}, type);
    yield ask(`is patched with a label (${type})`, 'PATCH', dry, { metadata: { labels: { x: 'y' } } }, type);
    yield ask(`is patched with a wrong label (${type})`, 'PATCH', dry, { metadata: { labels: { x: 1 } } }, type);
    yield ask(`loses its spec (${type})`, 'PATCH', dry, { spec: null }, type);
    yield ask(`is patched with an unknown field (${type})`, 'PATCH', `${dry}&fieldValidation=Strict`, { a: 1 }, type);
    yield ask(`is patched with a list (${type})`, 'PATCH', dry, [], type);
  }
  yield ask(
    'is patched by steps',
    'PATCH',
    dry,
    [{ op: 'add', path: '/metadata/labels', value: { x: 'y' } }],
    jsonPatch,
  );
  yield ask('fails a test', 'PATCH', dry, [{ op: 'test', path: '/metadata/name', value: 'y' }], jsonPatch);
  yield ask('loses what it has not', 'PATCH', dry, [{ op: 'remove', path: '/nosuch/x' }], jsonPatch);
  yield ask('is patched by a step of no kind', 'PATCH', dry, [{ op: 'odd', path: '/a' }], jsonPatch);
  yield ask('is applied', 'PATCH', `${dry}&fieldManager=me&force=true`, object, apply);
  yield ask('is applied with conflicts', 'PATCH', `${dry}&fieldManager=me`, withLabel(object), apply);
  yield ask('is applied by nobody', 'PATCH', dry, object, apply);
  yield ask(
    'is applied with an unknown field',
    'PATCH',
    `${dry}&fieldManager=me&force=true`,
    { ...object, nosuch: 1 },
    apply,
  );
  yield ask('has a status', 'GET', `${one}/status`);
  yield ask('gets a status', 'PUT', `${one}/status?dryRun=All`, { ...object, status: {} });
  yield ask('gets a wrong status', 'PATCH', `${one}/status?dryRun=All`, { status: 1 }, merge);
  yield ask('has a scale', 'GET', `${one}/scale`);
  yield ask('is deleted as another', 'DELETE', dry, { preconditions: { uid: 'other' } });
  yield ask('is deleted at another version', 'DELETE', dry, { preconditions: { resourceVersion: '1' } });
  yield ask('is deleted', 'DELETE', dry);
  yield ask('is deleted in the background', 'DELETE', `${dry}&propagationPolicy=Odd`);
  yield ask('is posted to itself', 'POST', one, object);
  yield ask('is put into its collection', 'PUT', path, object);
  yield ask('is created again', 'POST', path, object);
  yield ask('goes with its collection', 'DELETE', `${path}?dryRun=All&labelSelector=a%3Db`);
  for (const { what, object: spoilt } of variants(object)) yield ask(`is updated, ${what}`, 'PUT', dry, spoilt);
}

const withMetadata = (object: JsonObject, more: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...((object['metadata'] ?? {}) as JsonObject), ...more },
});

const withLabel = (object: JsonObject): JsonObject => withMetadata(object, { labels: { a: 'other' } });
