// What a conversion webhook is asked, and what its answer must be.
// Follows apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go of v1.36.
import { fieldErrorText, FieldPath } from '../meta/errors.ts';
import { type KubeObject, parseApiVersion } from '../meta/types.ts';
import { validateAnnotations, validateLabels } from '../meta/validate-meta.ts';
import { cloneTree, goTypeName, isTree, type Tree } from '../patch/json-tree.ts';

const group = 'apiextensions.k8s.io';

/** The first version of ConversionReview that both sides know. */
export const reviewVersionOf = (versions: readonly string[]): string | undefined =>
  versions.find((version) => version === 'v1' || version === 'v1beta1');

/** The body of the request. */
export const conversionReview = (
  version: string,
  uid: string,
  objects: readonly KubeObject[],
  desiredAPIVersion: string,
): object => ({
  kind: 'ConversionReview',
  apiVersion: `${group}/${version}`,
  request: { uid, desiredAPIVersion, objects },
});

const kindText = (apiVersion: unknown, kind: unknown): string =>
  `${typeof apiVersion === 'string' ? apiVersion : ''}, Kind=${typeof kind === 'string' ? kind : ''}`;

/** How failures name an object's kind: stable.example.com/v1, Kind=CronTab. */
export const kindOf = ({ apiVersion, kind }: KubeObject): string => kindText(apiVersion, kind);

function responseOf(version: string, uid: string, answer: unknown): Tree {
  const review = isTree(answer) ? answer : {};
  const wanted = kindText(`${group}/v1`, 'ConversionReview');
  const got = kindText(review['apiVersion'], review['kind']);
  if (version === 'v1' && got !== wanted) throw new Error(`expected webhook response of ${wanted}, got ${got}`);
  const { response } = review;
  if (!isTree(response)) throw new Error('no response provided');
  const answered = typeof response['uid'] === 'string' ? response['uid'] : '';
  if (version === 'v1' && answered !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered)}`);
  const result = isTree(response['result']) ? response['result'] : {};
  if (result['status'] === 'Success') return response;
  const { message, status } = result;
  if (typeof message === 'string' && message !== '') throw new Error(message);
  throw new Error(`response.result.status was '${typeof status === 'string' ? status : ''}', not 'Success'`);
}

/**
 * The converted objects, in the order of `originals`, with the metadata of these but for labels and annotations. Throws an Error
 * that says what is wrong with the answer.
 */
export function convertedObjects(
  version: string,
  uid: string,
  answer: unknown,
  originals: readonly KubeObject[],
  apiVersion: string,
): KubeObject[] {
  const prefix = `conversion webhook for ${kindOf(originals[0] ?? {})}`;
  let response: Tree;
  try {
    response = responseOf(version, uid, answer);
  } catch (error) {
    throw new Error(`${prefix} failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const given = response['convertedObjects'];
  const objects: unknown[] = Array.isArray(given) ? given : [];
  if (objects.length !== originals.length)
    throw new Error(`${prefix} returned ${objects.length} objects, expected ${originals.length}`);
  return originals.map((original, i) => {
    const converted = isTree(objects[i]) ? objects[i] : {};
    const expected = parseApiVersion(apiVersion);
    if (converted['apiVersion'] !== apiVersion)
      throw new Error(
        `${prefix} returned invalid object at index ${i}: invalid groupVersion (expected ${expected.group}/${expected.version}, received ${textAt(converted, 'apiVersion')})`,
      );
    if (converted['kind'] !== original.kind)
      throw new Error(
        `${prefix} returned invalid object at index ${i}: invalid kind (expected ${original.kind ?? ''}, received ${textAt(converted, 'kind')})`,
      );
    const changed = changedIdentity(original, converted);
    if (changed !== undefined) throw new Error(`${prefix} returned invalid object: ${changed}`);
    const wrong = restoreMetadata(original, converted);
    if (wrong !== undefined) throw new Error(`${prefix} returned invalid metadata: ${wrong}`);
    return converted as KubeObject;
  });
}

const textAt = (object: Tree, field: string): string => {
  const value = object[field];
  return typeof value === 'string' ? value : '';
};

/** Which object it is must stay. */
function changedIdentity({ metadata = {} }: KubeObject, converted: Tree): string | undefined {
  const meta = isTree(converted['metadata']) ? converted['metadata'] : {};
  for (const [field, shown] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const before = metadata[field] ?? '';
    const after = textAt(meta, field);
    if (before !== after) return `must have the same ${shown}: ${before} != ${after}`;
  }
  return undefined;
}

/** Puts the original's metadata back, in place; labels and annotations are the converted object's. */
function restoreMetadata(original: KubeObject, converted: Tree): string | undefined {
  const given = converted['metadata'];
  if (given === undefined) return 'missing metadata in converted object';
  if (!isTree(given)) return `invalid metadata of type ${goTypeName(given)} in converted object`;
  const metadata: Tree = { ...cloneTree(original.metadata ?? {}) };
  converted['metadata'] = metadata;
  for (const field of ['labels', 'annotations'] as const) {
    const value = given[field];
    if (value === undefined || value === null) {
      delete metadata[field];
      continue;
    }
    if (!isTree(value)) return `invalid metadata.${field} of type ${goTypeName(value)} in converted object`;
    const odd = Object.keys(value).find((key) => typeof value[key] !== 'string');
    if (odd !== undefined)
      return `metadata.${field}[${odd}] must be a string, but is ${goTypeName(value[odd])} in converted object`;
    const map = value as Record<string, string>;
    const path = new FieldPath('metadata').child(field === 'labels' ? 'labels' : 'annotation');
    const errors = field === 'labels' ? validateLabels(path, map) : validateAnnotations(path, map);
    if (errors.length > 0) return errors.map(fieldErrorText).join(', ');
    metadata[field] = value;
  }
  return undefined;
}
