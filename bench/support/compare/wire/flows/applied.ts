// Server-side apply by several managers on objects of every kind.
import { nameOf } from '../../changes.ts';
import type { Json } from '../../difference.ts';
import type { WireRequest } from '../exchange.ts';
import { ask, type Fields, type Step, types } from './step.ts';

const metadataOf = (object: Fields): Fields => (object['metadata'] ?? {}) as Fields;
const withMetadata = (object: Fields, more: Fields): Fields => ({
  ...object,
  metadata: { ...metadataOf(object), ...more },
});

/** Managers that share an object of any kind, and one that comes from client-side apply. */
export function applySteps(path: string, given: Fields): Step[] {
  const object = withMetadata(given, { labels: { a: '1', b: '1' } });
  const one = `${path}/${nameOf(object)}`;
  const apply = (manager: string, body: Json, more = ''): WireRequest =>
    ask('PATCH', `${one}?fieldManager=${manager}${more}`, body, types.apply);
  const bare: Fields = {
    apiVersion: object['apiVersion'] ?? '',
    kind: object['kind'] ?? '',
    metadata: { name: nameOf(object) },
  };
  const other = withMetadata(object, { labels: { a: '2', c: '2' } });
  const { status: _, ...ofClient } = object;
  const annotated = withMetadata(ofClient, {
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(ofClient)}\n` },
  });
  const freed = ask('PATCH', one, { metadata: { finalizers: null } }, types.merge);
  return [
    apply('one', object),
    apply('one', object),
    apply('two', other),
    apply('two', other, '&force=true'),
    apply('three', bare),
    apply('two', bare),
    apply('one', withMetadata(bare, { labels: { b: '1' } })),
    ask('PUT', `${one}?fieldManager=four`, withMetadata(object, { labels: { a: '4' } })),
    apply('one', object),
    apply('one', object, '&force=true'),
    ask('PATCH', `${one}/status?fieldManager=five`, { ...bare, status: {} }, types.apply),
    ask('PATCH', `${one}/status?fieldManager=five&force=true`, object, types.apply),
    ask('PATCH', `${one}?fieldManager=six`, { metadata: { managedFields: [] } }, types.merge),
    apply('one', object, '&force=true'),
    freed,
    ask('DELETE', `${one}?gracePeriodSeconds=0`),
    ask('POST', `${path}?fieldManager=kubectl-client-side-apply`, annotated),
    apply('kubectl', withMetadata(ofClient, { labels: { a: '1' } })),
    apply('kubectl', withMetadata(ofClient, { labels: { a: '1' } }), '&force=true'),
    ask('GET', one),
    freed,
    ask('DELETE', `${one}?gracePeriodSeconds=0`),
  ];
}
