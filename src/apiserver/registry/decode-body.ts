// From a request body to an object of the wanted kind: parsed, checked against the schema, defaulted.
// Follows apiserver pkg/endpoints/handlers/create.go, patch.go and rest.go of v1.36 in its messages.

import { type ApiError, badRequest, FieldPath, invalid, invalidObject } from '../../api/meta/errors.ts';
import { type KubeObject, parseApiVersion } from '../../api/meta/types.ts';
import { cloneTree } from '../../api/patch/json-tree.ts';
import { unusableResult } from '../../api/patch/patch-errors.ts';
import { cannotBeHandled, type DecodeSource, strictDecodingError } from '../../api/schema/decode.ts';
import { JsonSyntaxError } from '../../api/schema/json.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { YamlSyntaxError } from '../../api/schema/yaml.ts';
import type { ApiRequest } from '../request.ts';
import type { ObjectMachinery, PatchType } from '../machinery.ts';
import { MessageError } from '../protobuf/decode.ts';
import { EnvelopeError } from '../protobuf/envelope.ts';
import type { ResourceInfo } from '../resources.ts';
import type { StoredObject } from './object-version.ts';
import { isRegistered, noKind, readTypeMeta, TypeMetaError } from './type-meta.ts';
import type { FieldValidation } from './write-options.ts';

/** What is in a body: its JSON, and what a strict parser objects to. */
export interface RawValue {
  value: unknown;
  strictErrors: string[];
}

/**
 * Raw value of a body, which is read as `contentType` says, or as it says itself. In process it is copied, for the caller keeps its own.
 * `wanted` is the type of an object in protobuf that tells none. Throws JsonSyntaxError, EnvelopeError and MessageError.
 */
export async function readValue(
  request: ApiRequest,
  machinery: ObjectMachinery,
  { contentType, wanted }: { contentType?: string; wanted?: { apiVersion: string; kind: string } } = {},
): Promise<RawValue> {
  const body = await request.body();
  if (body.type === 'object') return { value: cloneTree(body.object), strictErrors: [] };
  return machinery.parse(body.bytes, contentType ?? body.contentType, wanted);
}

async function readObject(request: ApiRequest, info: ResourceInfo, machinery: ObjectMachinery): Promise<RawValue> {
  const { kind } = info;
  try {
    const wanted = { apiVersion: info.apiVersion, kind: kind.kind };
    const { value, strictErrors } = await readValue(request, machinery, { wanted });
    // What users define is decoded in another way.
    return { value: kind.schema === undefined ? recognized(info, value, machinery.schema) : value, strictErrors };
  } catch (error) {
    if (error instanceof MessageError) throw badRequest(unreadable(error, kind.kind));
    if (!(error instanceof JsonSyntaxError || error instanceof TypeMetaError || error instanceof EnvelopeError))
      throw error;
    const body = await request.body();
    const shown = summary(body.type === 'bytes' ? body.bytes : Buffer.alloc(0));
    // YAML is turned into JSON before anybody looks for the kind in it.
    const isJson = error instanceof JsonSyntaxError && !(error instanceof YamlSyntaxError);
    const step = isJson ? "couldn't get version/kind; json parse error: " : '';
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): ${step}${error.message} (${shown})`,
    );
  }
}

function unreadable({ type, message }: MessageError, wanted: string): string {
  return cannotBeHandled({ kind: type.kind, version: parseApiVersion(type.apiVersion).version }, wanted, message);
}

/** The body, where there is a kind of that name. Throws TypeMetaError, and 400. */
function recognized({ kind, apiVersion }: ResourceInfo, body: unknown, schema: Schema): Record<string, unknown> {
  const meta = readTypeMeta(body);
  const given = { apiVersion: meta.apiVersion || apiVersion, kind: meta.kind || kind.kind };
  if (given.apiVersion === apiVersion && given.kind === kind.kind) return meta.value;
  if (isRegistered(schema, given.apiVersion, given.kind)) return meta.value;
  const { version } = parseApiVersion(given.apiVersion);
  throw badRequest(cannotBeHandled({ kind: given.kind, version }, kind.kind, noKind(given.apiVersion, given.kind)));
}

/** Gives what a strict decoder found as the client asked: as warnings, as nothing, or as the error that `refuse` makes of it. */
function reportStrict(
  errors: readonly string[],
  validation: FieldValidation,
  warnings: string[],
  refuse: (why: string) => ApiError,
): void {
  const why = strictDecodingError(errors);
  if (why === undefined) return;
  switch (validation) {
    case 'Ignore':
      return;
    case 'Warn':
      warnings.push(...errors);
      return;
    case 'Strict':
      throw refuse(why);
    default:
      validation satisfies never;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Makes a value of the wanted kind out of JSON: type filled in or checked, nulls and unknown fields dropped. Lists the unknown ones. */
function asObject(
  info: ResourceInfo,
  value: unknown,
  machinery: ObjectMachinery,
  from: DecodeSource,
  refuse: (why: string) => ApiError,
  kept?: ReadonlySet<unknown>,
): { object: StoredObject; unknownFields: string[] } {
  const { kind } = info;
  if (!isRecord(value)) throw refuse(machinery.check(kind, value, from).typeError ?? 'the body is no object');
  const apiVersion = value['apiVersion'] || info.apiVersion;
  const kindName = value['kind'] || kind.kind;
  if (typeof apiVersion !== 'string' || typeof kindName !== 'string')
    throw badRequest("couldn't get version/kind; json parse error: json: cannot unmarshal into Go struct field");
  if (apiVersion !== info.apiVersion || kindName !== kind.kind) {
    // What users define is not decoded into a type: that it is another kind is one of its mistakes.
    if (kind.schema !== undefined && apiVersion === info.apiVersion) throw otherKind(kind, kindName, value);
    throw wrongType(info, apiVersion, kindName);
  }
  value['apiVersion'] = apiVersion;
  value['kind'] = kindName;
  const { unknownFields, typeError } = machinery.check(kind, value, from, kept);
  if (typeError !== undefined) throw refuse(typeError);
  // check() has made sure that metadata, where present, is an object of the right shape.
  value['metadata'] ??= {};
  return { object: value as KubeObject as StoredObject, unknownFields };
}

/** That a kind is not converted to the wanted one; undefined for another version of the same, and for what users define. */
function noConversion(info: ResourceInfo, apiVersion: string, kindName: string): string | undefined {
  const { kind } = info;
  const { group, version } = parseApiVersion(apiVersion);
  if (kindName === kind.kind && group === kind.group) return undefined;
  if (kind.schema !== undefined && (group !== kind.group || version !== kind.version)) return undefined;
  return `converting (${version}.${kindName}) to (${internalType(info)}): unknown conversion`;
}

function otherKind(
  { group, kind }: ResourceInfo['kind'],
  given: string,
  { metadata }: Record<string, unknown>,
): ApiError {
  const name = isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : '';
  return invalidObject({ group, kind: given }, name, [invalid(new FieldPath('kind'), given, `must be ${kind}`)]);
}

function wrongType(info: ResourceInfo, apiVersion: string, kindName: string): ApiError {
  const why = noConversion(info, apiVersion, kindName);
  if (why === undefined)
    return badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${info.apiVersion})`,
    );
  const { version } = parseApiVersion(apiVersion);
  return badRequest(cannotBeHandled({ kind: kindName, version }, info.kind.kind, why));
}

/** Why a patched object has become another kind; undefined where it has not. */
function changedKind(info: ResourceInfo, patched: unknown, schema: Schema): string | undefined {
  if (!isRecord(patched) || info.kind.schema !== undefined) return undefined;
  const { apiVersion, kind } = patched;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  if (!isRegistered(schema, apiVersion, kind)) return noKind(apiVersion, kind);
  return noConversion(info, apiVersion, kind);
}

/** The start of a body, as upstream shows it beside a syntax error. */
function summary(bytes: Buffer): string {
  const max = 30;
  if (bytes.length === 0) return '<empty>';
  const cut = bytes.length > max;
  const shown = cut ? bytes.subarray(0, max) : bytes;
  const text = bytes[0] === 0x7b ? shown.toString('utf8') : shown.toString('hex');
  return cut ? `${text} ...` : text;
}

/** core.Pod, as Go's messages name the type that all versions of a kind become: by its package. */
function internalType({ kind: { group, kind } }: ResourceInfo): string {
  const isCore = group === '' || group === 'events.k8s.io';
  return `${isCore ? 'core' : group.split('.', 1)[0]}.${kind}`;
}

/** Reads, checks and defaults the body of a create or update. */
export async function decodeObject(
  request: ApiRequest,
  info: ResourceInfo,
  machinery: ObjectMachinery,
  validation: FieldValidation,
  warnings: string[],
): Promise<StoredObject> {
  const { value, strictErrors } = await readObject(request, info, machinery);
  const refuse = (why: string): ApiError => badRequest(cannotBeHandled(info.kind, info.kind.kind, why));
  const { object, unknownFields } = asObject(info, value, machinery, 'json', refuse);
  reportStrict([...strictErrors, ...unknownFields], validation, warnings, refuse);
  info.kind.defaults?.(object);
  return object;
}

/** A patch as it was sent. */
export interface SentPatch {
  readonly type: PatchType;
  readonly patch: unknown;
  /** Those of its text. */
  readonly strictErrors: readonly string[];
  /** Parts of the old object that it leaves alone, and that the new one shares with it; none when absent. */
  readonly kept?: ReadonlySet<unknown> | undefined;
}

/**
 * Applies a patch by `apply`, then checks and defaults what it made. Calls `apply` again where an error has to show that, for decoding
 * works in place.
 */
export function decodePatched(
  info: ResourceInfo,
  sent: SentPatch,
  apply: () => unknown,
  machinery: ObjectMachinery,
  validation: FieldValidation,
  warnings: string[],
): StoredObject {
  const { type, patch, kept } = sent;
  const refuse = (why: string): ApiError => unusableResult(type, patch, machinery.inOrder(info.kind, apply()), why);
  const from = type === 'strategic' ? 'tree' : 'json';
  const patched = apply();
  const changed = type === 'strategic' ? undefined : changedKind(info, patched, machinery.schema);
  if (changed !== undefined) throw refuse(changed);
  const { object, unknownFields } = asObject(info, patched, machinery, from, refuse, kept);
  reportStrict([...sent.strictErrors, ...unknownFields], validation, warnings, refuse);
  info.kind.defaults?.(object);
  return object;
}

/** Checks and defaults what an apply made. `refuse` gives the error of a value that is none of the kind. */
export function decodeApplied(
  info: ResourceInfo,
  applied: unknown,
  machinery: ObjectMachinery,
  refuse: (why: string) => ApiError,
): StoredObject {
  const { object } = asObject(info, applied, machinery, 'tree', refuse);
  info.kind.defaults?.(object);
  return object;
}
