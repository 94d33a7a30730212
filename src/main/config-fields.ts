// Reads the fields of configuration files strictly: a field that is not known, or is of another type, is an error that names it.
import { type FieldError, fieldErrorText } from '../api/meta/errors.ts';
import { parseYamlStrict } from '../api/schema/yaml.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object, of those that it may have. Throws an Error with the path of the first thing that is wrong. */
export function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error(`${path}: must be an object`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`unknown field ${JSON.stringify(`${path}${path && '.'}${unknown}`)}`);
  return value as Fields;
}

/** The items of a list; none where it is missing. Throws an Error. */
export function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${path}: must be a list`);
  return value;
}

/** A text; undefined where it is missing. Throws an Error. */
export function textOf(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Error(`${path}: must be a string`);
  return value;
}

/** Yes or no; undefined where it is missing. Throws an Error. */
export function flagOf(value: unknown, path: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw new Error(`${path}: must be a boolean`);
  return value;
}

const apiVersions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);

/** The fields of a file of that kind in apiserver.config.k8s.io. Throws an Error. */
export function rootOf(text: string, kind: string, known: readonly string[]): Fields {
  const { value, duplicateFields } = parseYamlStrict(text);
  if (duplicateFields[0] !== undefined) throw new Error(duplicateFields[0]);
  const root = (value ?? {}) as Fields;
  if (root['kind'] !== kind || !apiVersions.includes(String(root['apiVersion'])))
    throw new Error(`expected ${kind} of apiserver.config.k8s.io/v1`);
  return fieldsOf(value, '', ['apiVersion', 'kind', ...known]);
}

/** Throws an Error that lists them as upstream does, if there are any: in brackets where there are several. */
export function refuseWith(errors: readonly FieldError[]): void {
  const texts = [...new Set(errors.map(fieldErrorText))];
  if (texts.length > 0) throw new Error(texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`);
}
