// Checks an applied configuration against the schema before it is merged, and says what is wrong in upstream's words.
// Follows structured-merge-diff v6 typed/validate.go and typed/helpers.go.
import { goQuote } from '../meta/go-format.ts';
import { goTypeName, goValue } from '../patch/json-tree.ts';
import type { FieldSchema, Schema } from '../schema/schema.ts';
import { elementText } from './field-set.ts';
import {
  elementOf,
  isFree,
  isList,
  isObjectField,
  isStruct,
  itemsOf,
  memberOf,
  objectField,
  type Typing,
} from './typing.ts';

interface Checking {
  readonly typing: Typing;
  readonly errors: string[];
}

/** A value as Go's %#v prints it. */
function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isStruct(value))
    return `map[string]interface {}{${Object.keys(value)
      .sort()
      .map((key) => `${goQuote(key)}:${goSyntax(value[key])}`)
      .join(', ')}}`;
  return typeof value === 'string' ? goQuote(value) : JSON.stringify(value);
}

/** What is wrong with a scalar; undefined where nothing is. Null is fine everywhere. */
function scalarError(field: FieldSchema, value: unknown): string | undefined {
  if (value === null) return undefined;
  switch (field.type) {
    case 'integer':
    case 'number':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goTypeName(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goValue(value)}}`;
    case 'int-or-string':
    case 'quantity':
    case 'time':
    case 'micro-time':
      return typeof value === 'object' ? `expected any scalar, got &{${goValue(value)}}` : undefined;
    default:
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
  }
}

const tell = ({ errors }: Checking, path: string, message: string): void =>
  void errors.push(path === '' ? message : `${path}: ${message}`);

function checkField(checking: Checking, field: FieldSchema, value: unknown, path: string): void {
  const { typing } = checking;
  if (value === undefined || field.type === 'any' || isFree(typing, field)) return;
  if (isList(field)) return checkList(checking, field, value, path);
  if (isObjectField(typing, field)) return checkObjectField(checking, field, value, path);
  const wrong = scalarError(field, value);
  if (wrong !== undefined) tell(checking, path, wrong);
}

function checkObjectField(checking: Checking, field: FieldSchema, value: unknown, path: string): void {
  if (value === null) return;
  if (!isStruct(value)) return tell(checking, path, `expected map, got &{${goValue(value)}}`);
  for (const name of Object.keys(value)) {
    const below = memberOf(checking.typing, field, name);
    if (below === undefined) return tell(checking, `${path}.${name}`, 'field not declared in schema');
    checkField(checking, below.field, value[name], `${path}.${name}`);
  }
}

/** Why an element has no place in a list that is a set or a map. */
function misplaced(field: FieldSchema, item: unknown): string {
  if (field.listType === 'set') {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    return Array.isArray(item)
      ? 'not supported: associative list with lists as elements'
      : "associative list without keys has an element that's a map type";
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isStruct(item)) return 'associative list with keys may not have non-map elements';
  const keys = (field.listMapKeys ?? []).map(goQuote).join(' ');
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}

function checkList(checking: Checking, field: FieldSchema, value: unknown, path: string): void {
  if (value === null) return;
  if (!Array.isArray(value)) return tell(checking, path, `expected list, got &{${goValue(value)}}`);
  const associative = field.listType === 'map' || field.listType === 'set';
  const seen = new Set<string>();
  for (const [index, item] of (value as unknown[]).entries()) {
    const element = associative ? elementOf(checking.typing, field, item) : `i:${index}`;
    if (element === undefined) return tell(checking, path, `element ${index}: ${misplaced(field, item)}`);
    const text = elementText(element);
    if (seen.has(element)) tell(checking, path, `duplicate entries for key ${text}`);
    seen.add(element);
    checkField(checking, itemsOf(field), item, path + text);
  }
}

/** What is wrong with the configuration; undefined where nothing is. */
export function configurationError(schema: Schema, definition: string, config: object): string | undefined {
  const checking: Checking = { typing: { schema, zeros: false }, errors: [] };
  checkField(checking, objectField(definition), config, '');
  const { errors } = checking;
  return errors.length > 1 ? ['errors:', ...errors.map((error) => `  ${error}`)].join('\n') : errors[0];
}
