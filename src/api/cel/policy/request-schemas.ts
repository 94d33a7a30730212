// What policies see of the request and of its namespace. Follows BuildRequestType and BuildNamespaceType of
// apiserver pkg/admission/plugin/cel/compile.go of v1.36.

import type { JSONSchemaProps } from '../../generated/types.ts';
import { schemaType, type SchemaType } from '../schema-types.ts';

const text: JSONSchemaProps = { type: 'string' };
const time: JSONSchemaProps = { type: 'string', format: 'date-time' };
const whole: JSONSchemaProps = { type: 'integer' };
/** Of any type: only what is evaluated tells. */
const anything: JSONSchemaProps = { 'x-kubernetes-int-or-string': true };
const list = (items: JSONSchemaProps): JSONSchemaProps => ({ type: 'array', items: items as never });
const map = (values: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', additionalProperties: values as never });
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({ type: 'object', properties });

const groupVersionKind = object({ group: text, version: text, kind: text });
const groupVersionResource = object({ group: text, version: text, resource: text });

const request = object({
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: text,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: object({ username: text, uid: text, groups: list(text), extra: map(list(text)) }),
  dryRun: { type: 'boolean' },
  options: anything,
});

const namespace = object({
  metadata: object({
    name: text,
    generateName: text,
    namespace: text,
    labels: map(text),
    annotations: map(text),
    uid: text,
    creationTimestamp: time,
    deletionGracePeriodSeconds: whole,
    deletionTimestamp: time,
    generation: whole,
    resourceVersion: text,
    finalizers: list(text),
  }),
  spec: object({ finalizers: list(text) }),
  status: object({
    conditions: list(object({ status: text, type: text, lastTransitionTime: time, message: text, reason: text })),
    phase: text,
  }),
});

export const requestType = schemaType(request, 'kubernetes.AdmissionRequest', false) as SchemaType;
export const namespaceType = schemaType(namespace, 'kubernetes.Namespace', false) as SchemaType;
