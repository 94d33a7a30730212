// Reads kind and version of a body before anybody decodes it, and refuses what no scheme knows.
// Follows apimachinery pkg/runtime/serializer/json/meta.go and pkg/runtime/scheme.go of v1.36 in their messages.

import { goQuote } from '../../api/meta/go-format.ts';
import { parseApiVersion } from '../../api/meta/types.ts';
import { jsonKind } from '../../api/schema/decode-scalars.ts';
import type { Schema } from '../../api/schema/schema.ts';

/** The body is none that has kind and version; `message` is upstream's. */
export class TypeMetaError extends Error {}

export interface TypeMeta {
  /** The body; {} for null. */
  value: Record<string, unknown>;
  /** Both empty where the body does not say. */
  apiVersion: string;
  kind: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const cannotRead = (what: string, into: string): TypeMetaError =>
  new TypeMetaError(`couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go ${into}`);

/** Kind and version of a parsed body. Throws TypeMetaError. */
export function readTypeMeta(body: unknown): TypeMeta {
  const value = body ?? {};
  if (!isRecord(value))
    throw cannotRead(
      jsonKind(value),
      'value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    );
  const text = (field: 'apiVersion' | 'kind'): string => {
    const given = value[field] ?? '';
    if (typeof given !== 'string') throw cannotRead(jsonKind(given), `struct field .${field} of type string`);
    return given;
  };
  const [apiVersion, kind] = [text('apiVersion'), text('kind')];
  if (apiVersion.split('/').length > 2) throw new TypeMetaError(`unexpected GroupVersion string: ${apiVersion}`);
  return { value, apiVersion, kind };
}

/** That no scheme knows the kind. Upstream names the place in its source where its scheme is made. */
export const noKind = (apiVersion: string, kind: string): string =>
  `no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;

/** Whether there is such a kind, served or not. OpenAPI, where the schema comes from, does not tell of lists of anything. */
export function isRegistered(schema: Schema, apiVersion: string, kind: string): boolean {
  const { group, version } = parseApiVersion(apiVersion);
  return schema.ofKind(group, version, kind) !== undefined || (apiVersion === 'v1' && kind === 'List');
}
