// The paths of printer columns, selectable fields and the scale subresource, in the language of `kubectl get -o jsonpath`.
// Follows client-go util/jsonpath of v1.36.
import { getKey, isTree, sameTree } from '../patch/json-tree.ts';

type Value = unknown;

/** One step: from values to the values that it leads to. */
type Step = (values: readonly Value[]) => Value[];

/** A path that can be followed; an unknown field leads nowhere. */
export type JsonPath = (root: Value) => Value[];

/** A path that is not understood. */
export class JsonPathError extends Error {}

const membersOf = (value: Value): Value[] =>
  Array.isArray(value) ? [...(value as Value[])] : isTree(value) ? Object.values(value) : [];

const fieldStep =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isTree(value) && Object.hasOwn(value, name) ? [getKey(value, name)] : []));

const wildcardStep: Step = (values) => values.flatMap(membersOf);

/** A value, and everything below it. */
const descend: Step = (values) => values.flatMap((value) => [value, ...descend(membersOf(value))]);

/** [2], [-1], [1:3], [::2]. */
function sliceStep(text: string): Step | undefined {
  const match = /^(-?\d+)?(?:(:)(-?\d+)?(?::(-?\d+)?)?)?$/.exec(text.trim());
  if (match === null || text.trim() === '') return undefined;
  const [, first, colon, last, every] = match;
  return (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      const list = value as Value[];
      if (colon === undefined) return list.slice(Number(first), Number(first) === -1 ? undefined : Number(first) + 1);
      const part = list.slice(first === undefined ? 0 : Number(first), last === undefined ? undefined : Number(last));
      const step = every === undefined ? 1 : Number(every);
      return step > 0 ? part.filter((_, i) => i % step === 0) : [];
    });
}

/** A quoted text, a number, true or false; undefined for a path. */
function literal(text: string): Value {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return quoted[2]?.replace(/\\(.)/gs, '$1');
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** Below 0, 0 or above it; undefined for values that have no order. */
function order(a: Value, b: Value): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return typeof a === 'string' && typeof b === 'string' ? (a < b ? -1 : a === b ? 0 : 1) : undefined;
}

const ordered =
  (fits: (order: number) => boolean) =>
  (a: Value, b: Value): boolean => {
    const found = order(a, b);
    return found !== undefined && fits(found);
  };

const comparisons: Readonly<Record<string, (a: Value, b: Value) => boolean>> = {
  '==': (a, b) => sameTree(a, b),
  '!=': (a, b) => !sameTree(a, b),
  '<': ordered((o) => o < 0),
  '<=': ordered((o) => o <= 0),
  '>': ordered((o) => o > 0),
  '>=': ordered((o) => o >= 0),
};

/** ?(@.type=="Ready"), or ?(@.ready) for those that have it. */
function filterStep(text: string): Step {
  const match = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s.exec(text);
  const side = (part: string): ((element: Value) => Value) => {
    const value = literal(part.trim());
    if (value !== undefined) return () => value;
    const path = parseJsonPath(part.trim().replace(/^@/, ''));
    return (element) => path(element)[0];
  };
  if (match === null) {
    const given = side(text);
    return (values) => values.flatMap((value) => membersOf(value).filter((element) => given(element) !== undefined));
  }
  const [, left = '', operator = '', right = ''] = match;
  const [a, b] = [side(left), side(right)];
  const compare = comparisons[operator];
  return (values) =>
    values.flatMap((value) =>
      membersOf(value).filter((element) => {
        const [x, y] = [a(element), b(element)];
        return x !== undefined && y !== undefined && compare?.(x, y) === true;
      }),
    );
}

function bracketStep(text: string): Step {
  const inside = text.trim();
  const filter = /^\?\((.*)\)$/s.exec(inside);
  if (filter !== null) return filterStep(filter[1] ?? '');
  if (inside === '*') return wildcardStep;
  const slice = sliceStep(inside);
  if (slice !== undefined) return slice;
  const quoted = literal(inside);
  if (typeof quoted === 'string') return fieldStep(quoted);
  const parts = inside.split(',');
  if (parts.length < 2) throw new JsonPathError(`invalid array index ${inside}`);
  const steps = parts.map(bracketStep);
  return (values) => steps.flatMap((step) => step(values));
}

/** Where the bracket that opens at `from` closes. */
function closingBracket(text: string, from: number): number {
  let quote = '';
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '\\') i++;
    else if (quote !== '') quote = c === quote ? '' : quote;
    else if (c === '"' || c === "'") quote = c;
    else if (c === '[') depth++;
    else if (c === ']' && --depth === 0) return i;
  }
  throw new JsonPathError('unterminated array');
}

/** Reads a path such as `.spec.list[0]['a.b'].name`; a dot in a name is written `\.`. Throws JsonPathError. */
export function parseJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  const rest = text.startsWith('$') ? text.slice(1) : text;
  for (let at = 0; at < rest.length; ) {
    if (rest[at] === '[') {
      const end = closingBracket(rest, at);
      steps.push(bracketStep(rest.slice(at + 1, end)));
      at = end + 1;
      continue;
    }
    const recursive = rest.startsWith('..', at);
    if (!recursive && rest[at] !== '.' && at > 0) throw new JsonPathError(`unexpected text in ${text}`);
    if (recursive) steps.push(descend);
    const start = at + (recursive ? 2 : rest[at] === '.' ? 1 : 0);
    const name = /^(?:\\.|[^.[\\])*/s.exec(rest.slice(start))?.[0] ?? '';
    if (name === '*') steps.push(wildcardStep);
    else if (name !== '') steps.push(fieldStep(name.replace(/\\(.)/gs, '$1')));
    at = start + name.length;
    if (at === start && !recursive && rest[at] !== '[' && at < rest.length)
      throw new JsonPathError(`unexpected text in ${text}`);
  }
  return (root) => steps.reduce<Value[]>((values, step) => step(values), [root]);
}
