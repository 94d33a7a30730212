// Checks a value against the schema of a custom resource, with the messages of Kubernetes.
// Follows kube-openapi pkg/validation/validate and apiextensions-apiserver pkg/apiserver/validation of v1.36.
import { type FieldError, FieldPath, notSupported, required, tooLong, tooMany, typeInvalid } from '../meta/errors.ts';
import { goQuote } from '../meta/go-format.ts';
import { getKey, isTree, sameTree, type Tree } from '../patch/json-tree.ts';
import { additionalSchema, type CustomSchema } from './custom-schema.ts';
import { isOfFormat, knownFormat } from './formats.ts';
import { fieldFinding, find, type Finding, Findings, isInt64, wholeFinding } from './findings.ts';
import { matchesPattern, patternError } from './patterns.ts';
import { numberFindings } from './validate-number.ts';

/** The value before an update, where it can be told which it is; what did not change may stay wrong (ratcheting). */
type Before = { value: unknown } | undefined;

interface Spot {
  schema: CustomSchema;
  value: unknown;
  /** spec.list[0].field; '' at the root. */
  name: string;
  before: Before;
}

function typeFinding(name: string, wanted: string, got: string): Finding {
  const text = `${name} in body must be of type ${wanted}: ${goQuote(got)}`;
  return find(text, name, (path) => typeInvalid(path, got, text));
}

/** The types that a schema allows. */
const typesOf = (schema: CustomSchema): readonly string[] => {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined || schema.type === '' ? [] : [schema.type];
};

/** JSON type, and format where numbers have one. */
function kindOf(value: unknown): { type: string; format: string } {
  if (Array.isArray(value)) return { type: 'array', format: '' };
  if (typeof value === 'number')
    return isInt64(value) ? { type: 'integer', format: 'int64' } : { type: 'number', format: 'float' };
  if (typeof value === 'object') return { type: 'object', format: '' };
  return { type: typeof value, format: '' };
}

function checkType({ schema, value, name }: Spot): Findings {
  const found = new Findings();
  const types = typesOf(schema);
  if (value === null) {
    if (types.length > 0 && !types.includes('null') && schema.nullable !== true)
      found.add(typeFinding(name, types.join(','), 'null'));
    else found.matched++;
    return found;
  }
  const { type, format } = kindOf(value);
  const wanted = formatOf(schema);
  const fits = types.includes(type) || (type === 'integer' && types.includes('number'));
  const formatted = type === 'string' || type === 'array';
  if (wanted !== '' && !formatted && !fits && format !== wanted) found.add(typeFinding(name, wanted, format));
  else if (!(wanted !== '' && formatted && !types.includes('number') && !types.includes('integer')) && !fits)
    found.add(typeFinding(name, types.join(','), type));
  else found.matched++;
  return found;
}

const formatOf = (schema: CustomSchema): string =>
  (schema['x-kubernetes-int-or-string'] === true ? undefined : knownFormat(schema)) ?? '';

function checkEnum({ schema, value, name }: Spot): Findings {
  const found = new Findings();
  const allowed = schema.enum ?? [];
  if (allowed.length === 0 || allowed.some((one) => one !== null && sameTree(one, value))) return found;
  const texts = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  found.add(
    find(`${name} in body should be one of [${texts.join(' ')}]`, name, (path) => notSupported(path, value, texts)),
  );
  return found;
}

function checkString({ schema, value, name }: Spot): Findings {
  const found = new Findings();
  if (typeof value !== 'string') return found;
  const { maxLength, minLength, pattern = '' } = schema;
  const length = Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) {
    const text = `${name} in body should be at most ${maxLength} chars long`;
    found.add(find(text, name, (path) => tooLong(path, maxLength)));
  } else if (minLength !== undefined && length < minLength) {
    found.add(fieldFinding(name, value, `${name} in body should be at least ${minLength} chars long`));
  } else if (pattern !== '') {
    const wrong = patternError(pattern);
    if (wrong !== undefined)
      found.add(
        fieldFinding(name, value, `${name} in body should match '${pattern}, but pattern is invalid: ${wrong}'`),
      );
    else if (!matchesPattern(pattern, value))
      found.add(fieldFinding(name, value, `${name} in body should match '${pattern}'`));
  }
  return found;
}

function checkFormat({ schema, value, name }: Spot): Findings {
  const found = new Findings();
  const format = formatOf(schema);
  if (typeof value === 'string' && !isOfFormat(format, value)) found.add(typeFinding(name, format, value));
  return found;
}

function checkList(spot: Spot): Findings {
  const found = new Findings();
  const { schema, value, name } = spot;
  if (!Array.isArray(value)) return found;
  const { items, minItems, maxItems } = schema;
  if (items !== undefined)
    for (const [i, item] of value.entries())
      found.merge(check({ schema: items, value: item, name: `${name}[${i}]`, before: itemBefore(spot, item) }));
  const size = value.length;
  if (minItems !== undefined && size < minItems)
    found.add(fieldFinding(name, size, `${name} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && size > maxItems) {
    const text = `${name} in body should have at most ${maxItems} items`;
    found.add(find(text, name, (path) => tooMany(path, size, maxItems)));
  }
  if (schema.uniqueItems === true && value.some((item, i) => value.slice(0, i).some((other) => sameTree(other, item))))
    found.add(fieldFinding(name, undefined, `${name} in body shouldn't contain duplicates`));
  found.matched++;
  return found;
}

/** Elements of lists that are maps are found again by their keys; of other lists nobody knows which was which. */
function itemBefore({ schema, before }: Spot, item: unknown): Before {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (before === undefined || !Array.isArray(before.value) || !isTree(item)) return undefined;
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const old: unknown = before.value.find(
    (other) => isTree(other) && keys.every((key) => sameTree(getKey(other, key), getKey(item, key))),
  );
  return old === undefined ? undefined : { value: old };
}

function checkObject(spot: Spot): Findings {
  const found = new Findings();
  const { schema, value, name } = spot;
  if (!isTree(value)) return found;
  const { minProperties, maxProperties, properties = {}, additionalProperties } = schema;
  const count = Object.keys(value).length;
  if (minProperties !== undefined && count < minProperties)
    found.add(fieldFinding(name, count, `${name} in body should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && count > maxProperties) {
    const text = `${name} in body should have at most ${maxProperties} properties`;
    found.add(find(text, name, (path) => tooMany(path, count, maxProperties)));
  }
  const additional = additionalSchema(schema);
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) continue;
    if (additionalProperties === false)
      found.add(fieldFinding(name, key, `${name}.${key} in body is a forbidden property`));
    else if (additional !== undefined) found.merge(checkKey(spot, additional, value, key, `${name}.${key}`));
  }
  for (const [key, property] of Object.entries(properties))
    if (Object.hasOwn(value, key))
      found.merge(checkKey(spot, property, value, key, name === '' ? key : `${name}.${key}`));
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(value, key)) continue;
    const at = `${name}.${key}`;
    found.add(find(`${at} in body is required`, at, (path) => required(path)));
  }
  return found;
}

function checkKey({ schema, before, name: parent }: Spot, below: CustomSchema, value: Tree, key: string, name: string) {
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  const old = before !== undefined && !atomic && isTree(before.value) ? before.value : undefined;
  // What version and kind an object had before is not seen here.
  const told = parent !== '' || (key !== 'kind' && key !== 'apiVersion');
  const known = old !== undefined && told && Object.hasOwn(old, key);
  return check({ schema: below, value: value[key], name, before: known ? { value: old[key] } : undefined });
}

/** The schema that got furthest, when none fits. */
function best(results: readonly Findings[]): Findings | undefined {
  return results.reduce<Findings | undefined>(
    (leader, one) => (leader === undefined || one.matched > leader.matched ? one : leader),
    undefined,
  );
}

function checkJunctors(spot: Spot): Findings {
  const found = new Findings();
  const { schema, name } = spot;
  const against = (one: CustomSchema): Findings => checkAgainst({ ...spot, schema: one });
  if (schema.anyOf !== undefined && schema.anyOf.length > 0) {
    const results: Findings[] = [];
    let fitting: Findings | undefined;
    for (const one of schema.anyOf) {
      const result = against(one);
      results.push(result);
      if (result.valid) {
        fitting = result;
        break;
      }
    }
    if (fitting === undefined) found.add(wholeFinding(`${goQuote(name)} must validate at least one schema (anyOf)`));
    found.merge(fitting ?? best(results));
  }
  if (schema.oneOf !== undefined && schema.oneOf.length > 0) {
    const results = schema.oneOf.map(against);
    const fitting = results.filter((result) => result.valid);
    const [first] = fitting;
    if (fitting.length !== 1) {
      const why = first === undefined ? 'Found none valid' : `Found ${fitting.length} valid alternatives`;
      found.add(wholeFinding(`${goQuote(name)} must validate one and only one schema (oneOf). ${why}`));
    }
    if (first === undefined) found.merge(best(results));
    else if (fitting.length === 1) found.merge(first);
  }
  if (schema.allOf !== undefined && schema.allOf.length > 0) {
    const results = schema.allOf.map(against);
    for (const result of results) found.merge(result);
    const fitting = results.filter((result) => result.valid).length;
    if (fitting !== results.length)
      found.add(
        wholeFinding(
          `${goQuote(name)} must validate all the schemas (allOf)${fitting === 0 ? '. None validated' : ''}`,
        ),
      );
  }
  if (schema.not !== undefined && against(schema.not).valid)
    found.add(wholeFinding(`${goQuote(name)} must not validate the schema (not)`));
  found.matched++;
  return found;
}

/** Each check with whether it concerns the value at all, in the order in which they count. */
function checkAgainst(spot: Spot): Findings {
  const found = new Findings();
  const { schema, value } = spot;
  if (value === null) {
    found.merge(checkType(spot));
    found.merge(checkEnum(spot));
    return found;
  }
  const run = (concerns: boolean, one: (spot: Spot) => Findings): void => {
    if (!concerns) return;
    found.merge(one(spot));
    found.matched++;
  };
  run(typesOf(schema).length > 0 || formatOf(schema) !== '', checkType);
  run(true, checkJunctors);
  run(typeof value === 'string', checkString);
  run(typeof value === 'string' && formatOf(schema) !== '', checkFormat);
  run(typeof value === 'number', checkNumber);
  run(Array.isArray(value), checkList);
  run(true, checkEnum);
  run(isTree(value), checkObject);
  found.matched++;
  return found;
}

function checkNumber({ schema, value, name }: Spot): Findings {
  const found = new Findings();
  if (typeof value !== 'number') return found;
  found.add(...numberFindings(schema, value, name, schema['x-kubernetes-int-or-string'] === true));
  found.matched++;
  return found;
}

/** Checks a field or element: where it is as it was, what is wrong with it may stay. */
function check(spot: Spot): Findings {
  const found = checkAgainst(spot);
  if (found.valid || spot.before === undefined || !sameTree(spot.before.value, spot.value)) return found;
  const kept = new Findings();
  kept.matched = found.matched;
  return kept;
}

/** The path of what belongs to no field. */
const noPath = new FieldPath('<nil>');

/**
 * What is wrong with a value, whose own path is `path` (empty for a whole object). With `old`, which the value had before, what did
 * not change is let be.
 */
export function validateValue(
  schema: CustomSchema | undefined,
  value: unknown,
  path: FieldPath,
  old?: { value: unknown },
): FieldError[] {
  if (schema === undefined) return [];
  const found = check({ schema, value, name: '', before: old });
  const own = path.text === '' ? noPath : path;
  return found.all.map(({ name, make }) => {
    if (name === undefined || name === '') return make(own);
    const below = name.startsWith('.') ? name.slice(1) : name;
    return make(path.child(below));
  });
}
