// The scale of a custom resource: what autoscaling/v1 Scale shows of it, and where a new one is written.
// Follows apiextensions-apiserver pkg/registry/customresource/etcd.go and validator.go of v1.36.
import type { CustomResourceSubresourceScale, Scale } from '../generated/types.ts';
import { type FieldError, FieldPath, invalid } from '../meta/errors.ts';
import { goValue, isTree, setKey, type Tree } from '../patch/json-tree.ts';
import type { KubeObject } from '../meta/types.ts';

const maxReplicas = 2 ** 31 - 1;

/** .spec.replicas as a list of names. */
export const namesOf = (path: string): string[] => path.replace(/^\./, '').split('.');

type Found = { value: unknown } | { wrong: string } | undefined;

/** The value at a path of plain names; `wrong` where there is something on the way that is no object. */
function valueAt(object: object, path: string): Found {
  const names = namesOf(path);
  let at: unknown = object;
  for (const [i, name] of names.entries()) {
    if (!isTree(at)) {
      const where = names.slice(0, i + 1).join('.');
      return at === undefined || at === null
        ? undefined
        : {
            wrong: `.${where} accessor error: ${goValue(at)} is of the type ${goType(at)}, expected map[string]interface{}`,
          };
    }
    if (!Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return { value: at };
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isTree(value)) return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : value === null ? '<nil>' : typeof value;
}

function typed<T>(
  object: object,
  path: string,
  wanted: string,
  is: (value: unknown) => value is T,
): T | undefined | string[] {
  const found = valueAt(object, path);
  if (found === undefined) return undefined;
  if ('wrong' in found) return [found.wrong];
  if (is(found.value)) return found.value;
  const { value } = found;
  return [
    `.${namesOf(path).join('.')} accessor error: ${goValue(value)} is of the type ${goType(value)}, expected ${wanted}`,
  ];
}

const isInteger = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value);
const isText = (value: unknown): value is string => typeof value === 'string';

/** A count, undefined where there is none. An array holds why it is none. */
const countAt = (object: object, path: string) => typed(object, path, 'int64', isInteger);

function checkCount(object: object, path: string): FieldError[] {
  const count = countAt(object, path);
  const at = new FieldPath(path);
  if (Array.isArray(count)) return [invalid(at, 0, count[0] ?? '')];
  if (count === undefined) return [];
  if (count < 0) return [invalid(at, count, 'should be a non-negative integer')];
  return count > maxReplicas ? [invalid(at, count, `should be less than or equal to ${maxReplicas}`)] : [];
}

/** What is wrong with the wanted number of replicas. */
export const validateScaleSpec = (object: object, scale: CustomResourceSubresourceScale | undefined): FieldError[] =>
  scale === undefined ? [] : checkCount(object, scale.specReplicasPath);

/** What is wrong with the number of replicas that there are, and with the selector. */
export function validateScaleStatus(object: object, scale: CustomResourceSubresourceScale | undefined): FieldError[] {
  if (scale === undefined) return [];
  const errors = checkCount(object, scale.statusReplicasPath);
  const { labelSelectorPath } = scale;
  if (labelSelectorPath === undefined) return errors;
  const selector = typed(object, labelSelectorPath, 'string', isText);
  return Array.isArray(selector)
    ? [...errors, invalid(new FieldPath(labelSelectorPath), '', selector[0] ?? '')]
    : errors;
}

/** The scale of an object, and whether it says how many replicas it wants. `wrong` where a field is of another type. */
export function scaleOf(
  object: KubeObject,
  { specReplicasPath, statusReplicasPath, labelSelectorPath = '' }: CustomResourceSubresourceScale,
): { scale: Scale; found: boolean } | { wrong: string } {
  const wanted = countAt(object, specReplicasPath);
  const there = countAt(object, statusReplicasPath);
  const selector = labelSelectorPath === '' ? '' : typed(object, labelSelectorPath, 'string', isText);
  for (const one of [wanted, there, selector]) if (Array.isArray(one)) return { wrong: one[0] ?? '' };
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  const given = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
  return {
    scale: {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: given,
      spec: typeof wanted === 'number' && wanted !== 0 ? { replicas: wanted } : {},
      status: {
        replicas: typeof there === 'number' ? there : 0,
        ...(typeof selector === 'string' && selector !== '' ? { selector } : {}),
      },
    },
    found: wanted !== undefined,
  };
}

/** Writes the wanted number of replicas, in place; undefined where it cannot be, for something else is on the way. */
export function setReplicas(object: KubeObject, path: string, replicas: number): true | undefined {
  const names = namesOf(path);
  const last = names.pop() ?? '';
  let at: unknown = object;
  for (const name of names) {
    if (!isTree(at)) return undefined;
    if (!Object.hasOwn(at, name)) setKey(at, name, {} satisfies Tree);
    at = at[name];
  }
  if (!isTree(at)) return undefined;
  setKey(at, last, replicas);
  return true;
}
