// Reads DeleteOptions from the body or the query and checks them.
// Follows apiserver pkg/endpoints/handlers/delete.go and apimachinery meta/v1/validation of v1.36.

import { badRequest, FieldPath, type FieldError, invalid, invalidObject, notSupported } from '../../api/meta/errors.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import { JsonSyntaxError } from '../../api/schema/json.ts';
import type { ApiRequest } from '../request.ts';
import type { ObjectMachinery } from '../machinery.ts';
import { readValue } from './decode-body.ts';
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
const bodyKinds = new Set(['DeleteOptions', '']);

function fromBody(value: unknown): DeleteOptions & { rawDryRun: readonly string[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('json: cannot unmarshal into Go value of type v1.DeleteOptions');
  const body = value as Record<string, unknown>;
  const kind = body['kind'] ?? '';
  if (typeof kind !== 'string' || !bodyKinds.has(kind))
    throw badRequest(`decoded object cannot be converted to DeleteOptions`);
  const take = (field: string, type: 'number' | 'string' | 'boolean', from = body): unknown => {
    const given = from[field];
    if (given === undefined || given === null) return undefined;
    const right = typeof given === type && (type !== 'number' || Number.isInteger(given));
    if (!right)
      throw badRequest(
        `json: cannot unmarshal ${typeof given} into Go struct field DeleteOptions.${field} of type ${type === 'number' ? 'int64' : type}`,
      );
    return given;
  };
  const grace = take('gracePeriodSeconds', 'number');
  const policy = take('propagationPolicy', 'string');
  const orphan = take('orphanDependents', 'boolean');
  const preconditions = (body['preconditions'] ?? {}) as Record<string, unknown>;
  const uid = take('uid', 'string', preconditions);
  const resourceVersion = take('resourceVersion', 'string', preconditions);
  const dryRun = Array.isArray(body['dryRun']) ? body['dryRun'].map(String) : [];
  return {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(typeof policy === 'string' ? { propagationPolicy: policy } : {}),
    ...(typeof orphan === 'boolean' ? { orphanDependents: orphan } : {}),
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
    dryRun: dryRun.length > 0,
    rawDryRun: dryRun,
  };
}

function fromQuery(query: URLSearchParams): DeleteOptions & { rawDryRun: readonly string[] } {
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null && !/^-?\d+$/.test(grace))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  const policy = query.get('propagationPolicy');
  const orphan = query.get('orphanDependents');
  const dryRun = query.getAll('dryRun').filter((v) => v !== '');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: orphan === 'true' || orphan === '1' }),
    dryRun: dryRun.length > 0,
    rawDryRun: dryRun,
  };
}

async function bodyValue(request: ApiRequest, machinery: ObjectMachinery): Promise<unknown> {
  try {
    return (await readValue(request, machinery)).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError)
      throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    throw error;
  }
}

/** A body wins over the query, as upstream has it. Throws 400 and 422. */
export async function deleteOptions(request: ApiRequest, machinery: ObjectMachinery): Promise<DeleteOptions> {
  const body = await request.body();
  const empty = body.type === 'bytes' ? body.bytes.length === 0 : body.object === undefined;
  const { rawDryRun, ...options } = empty ? fromQuery(request.query) : fromBody(await bodyValue(request, machinery));
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
