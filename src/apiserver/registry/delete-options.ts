// Reads DeleteOptions from the body or the query and checks them.
// Follows apiserver pkg/endpoints/handlers/delete.go and apimachinery meta/v1/validation of v1.36.

import { badRequest, FieldPath, type FieldError, invalid, invalidObject, notSupported } from '../../api/meta/errors.ts';
import type { DeleteOptions as DeleteOptionsBody } from '../../api/generated/types.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import { checkObject } from '../../api/schema/decode.ts';
import { JsonSyntaxError } from '../../api/schema/json.ts';
import type { Schema } from '../../api/schema/schema.ts';
import type { ApiRequest } from '../request.ts';
import type { ObjectMachinery } from '../machinery.ts';
import { MessageError } from '../protobuf/decode.ts';
import { EnvelopeError } from '../protobuf/envelope.ts';
import { readValue } from './decode-body.ts';
import { readInteger } from './list-options.ts';
import { noKind, readTypeMeta, type TypeMeta, TypeMetaError } from './type-meta.ts';
import { checkDryRun } from './write-options.ts';

/** What a delete was asked to heed. */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  uid?: string;
  resourceVersion?: string;
  propagationPolicy?: string;
  orphanDependents?: boolean;
  dryRun: boolean;
}

const policies = ['Foreground', 'Background', 'Orphan'];
const definition = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

function typeMetaOf(body: unknown): TypeMeta {
  try {
    return readTypeMeta(body);
  } catch (error) {
    if (error instanceof TypeMetaError) throw badRequest(error.message);
    throw error;
  }
}

/** The body as DeleteOptions. Throws 400. */
function decodedBody(body: unknown, schema: Schema): DeleteOptionsBody {
  const { value, apiVersion, kind } = typeMetaOf(body);
  // Every group has them, in each of its versions.
  if (kind !== '' && kind !== 'DeleteOptions') throw badRequest(noKind(apiVersion || 'meta.k8s.io/v1', kind));
  const { typeError } = checkObject(schema, definition, value);
  if (typeError !== undefined) throw badRequest(typeError);
  return value;
}

/** Options as they were sent, not checked yet. */
export type RawDeleteOptions = DeleteOptions & { rawDryRun: readonly string[] };

/** What DeleteOptions of the API say. */
export function rawDeleteOptions(body: DeleteOptionsBody): RawDeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun = [] } = body;
  const { uid, resourceVersion } = preconditions ?? {};
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    dryRun: dryRun.length > 0,
    rawDryRun: dryRun,
  };
}

function fromQuery(query: URLSearchParams): RawDeleteOptions {
  const grace = readInteger(query.get('gracePeriodSeconds'));
  const policy = query.get('propagationPolicy');
  const orphan = query.get('orphanDependents');
  const dryRun = query.getAll('dryRun');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: orphan === 'true' || orphan === '1' }),
    dryRun: dryRun.length > 0,
    rawDryRun: dryRun,
  };
}

async function bodyValue(request: ApiRequest, machinery: ObjectMachinery): Promise<unknown> {
  try {
    return (await readValue(request, machinery, { wanted: { apiVersion: 'meta.k8s.io/v1', kind: 'DeleteOptions' } }))
      .value;
  } catch (error) {
    if (error instanceof MessageError) {
      const { apiVersion, kind } = error.type;
      throw badRequest(kind === 'DeleteOptions' ? error.message : noKind(apiVersion, kind));
    }
    if (error instanceof EnvelopeError) throw badRequest(error.message);
    if (error instanceof JsonSyntaxError)
      throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    throw error;
  }
}

/** A body wins over the query, as upstream has it. Throws 400 and 422. */
export async function deleteOptions(request: ApiRequest, machinery: ObjectMachinery): Promise<DeleteOptions> {
  const body = await request.body();
  const empty = body.type === 'bytes' ? body.bytes.length === 0 : body.object === undefined;
  return checkedDeleteOptions(
    empty
      ? fromQuery(request.query)
      : rawDeleteOptions(decodedBody(await bodyValue(request, machinery), machinery.schema)),
  );
}

/** The options, checked. Throws 422. */
export function checkedDeleteOptions({ rawDryRun, ...options }: RawDeleteOptions): DeleteOptions {
  const errors: FieldError[] = checkDryRun(rawDryRun);
  if (options.propagationPolicy !== undefined) {
    const path = new FieldPath('propagationPolicy');
    if (options.orphanDependents !== undefined)
      errors.push(
        invalid(path, options.propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
      );
    if (!policies.includes(options.propagationPolicy))
      errors.push(notSupported(path, options.propagationPolicy, [...policies, 'nil']));
  }
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  // A negative period means the shortest one.
  if (options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0) options.gracePeriodSeconds = 1;
  return options;
}

/** The options as DeleteOptions in JSON, for admission webhooks. */
export function deleteOptionsJson(options: DeleteOptions): JsonObject {
  const { dryRun, uid, resourceVersion, ...rest } = options;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...rest,
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
}
