// From a request body to an object of the wanted kind: parsed, checked against the schema, defaulted.
// Follows apiserver pkg/endpoints/handlers/create.go and rest.go of v1.36 in its messages.

import { badRequest } from '../../api/meta/errors.ts';
import { type KubeObject, parseApiVersion } from '../../api/meta/types.ts';
import type { ApiRequest } from '../request.ts';
import type { ObjectMachinery } from '../machinery.ts';
import type { ResourceInfo } from '../resources.ts';
import type { StoredObject } from './object-version.ts';
import type { FieldValidation } from './write-options.ts';

/** Raw value of a body. In process it is copied, for the caller keeps its own. */
export async function readValue(request: ApiRequest, machinery: ObjectMachinery): Promise<{ value: unknown; strictErrors: string[] }> {
  const body = await request.body();
  if (body.type === 'object') return { value: structuredClone(body.object), strictErrors: [] };
  return machinery.parse(body.bytes, body.contentType);
}

/** Reports what a strict decoder found, as the client asked: an error, warnings or nothing. */
export function reportStrict(errors: readonly string[], validation: FieldValidation, warnings: string[]): void {
  if (errors.length === 0) return;
  switch (validation) {
    case 'Ignore':
      return;
    case 'Warn':
      warnings.push(...errors);
      return;
    case 'Strict':
      throw badRequest(`strict decoding error: ${errors.join(', ')}`);
    default:
      validation satisfies never;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Makes a value of the wanted kind out of JSON: type filled in or checked, nulls and unknown fields dropped. Lists the unknown ones. */
export function asObject(info: ResourceInfo, value: unknown, machinery: ObjectMachinery): { object: StoredObject; strictErrors: string[] } {
  const { kind } = info;
  if (!isRecord(value)) {
    const got = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
    throw badRequest(
      `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: json: cannot unmarshal ${got} into Go value of type ${goType(info)}`,
    );
  }
  const apiVersion = value['apiVersion'] || info.apiVersion;
  const kindName = value['kind'] || kind.kind;
  if (typeof apiVersion !== 'string' || typeof kindName !== 'string')
    throw badRequest(`couldn't get version/kind; json parse error: json: cannot unmarshal into Go struct field`);
  if (apiVersion !== info.apiVersion || kindName !== kind.kind) {
    const { group, version } = parseApiVersion(apiVersion);
    const shown = group === '' ? `/${version}` : `${group}/${version}`;
    if (group !== kind.group || version !== kind.version)
      throw badRequest(
        `the API version in the data (${apiVersion}) does not match the expected API version (${info.apiVersion})`,
      );
    throw badRequest(`${kindName} in version "${version}" cannot be handled as a ${kind.kind}: converting (${shown}.${kindName}) to (${goType(info)}): unknown conversion`);
  }
  value['apiVersion'] = apiVersion;
  value['kind'] = kindName;
  const strictErrors = machinery.check(kind.definition, value);
  // check() has made sure that metadata, where present, is an object of the right shape.
  value['metadata'] ??= {};
  return { object: value as KubeObject as StoredObject, strictErrors };
}

/** v1.Pod, as Go's messages name the type. */
function goType({ kind }: ResourceInfo): string {
  return `${kind.version}.${kind.kind}`;
}

/** Reads, checks and defaults the body of a create or update. */
export async function decodeObject(
  request: ApiRequest,
  info: ResourceInfo,
  machinery: ObjectMachinery,
  validation: FieldValidation,
  warnings: string[],
): Promise<StoredObject> {
  const { value, strictErrors } = await readValue(request, machinery);
  const decoded = asObject(info, value, machinery);
  reportStrict([...strictErrors, ...decoded.strictErrors], validation, warnings);
  info.kind.defaults?.(decoded.object);
  return decoded.object;
}
