// Label selectors: the string form of queries, the LabelSelector object, and matching.
// Follows apimachinery pkg/labels/selector.go and pkg/apis/meta/v1/helpers.go of v1.36.

import { type FieldError, FieldPath, fieldErrorText, invalid, notSupported } from './errors.ts';
import { goQuote } from './go-format.ts';
import { labelValueMessages, qualifiedName } from './names.ts';

export type SelectorOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  readonly values: readonly string[];
}

/** All requirements must hold. `nothing` matches no object at all (a null LabelSelector). */
export interface Selector {
  readonly requirements: readonly Requirement[];
  readonly nothing?: boolean;
}

/** The LabelSelector object of the API. */
export interface LabelSelectorObject {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export const everything: Selector = { requirements: [] };
export const nothing: Selector = { requirements: [], nothing: true };

/** A selector that does not parse; `message` is upstream's text. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

const binaryOperators = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];
const special = '=!(),><';
const tokens = new Set([')', ',', '!', '==', '=', '>', 'in', '<', '!=', 'notin', '(']);

type Token = { kind: 'end' | 'identifier' | 'error'; text: string } | { kind: 'symbol'; text: string };

function lex(text: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text.charAt(at);
    if (/[ \t\r\n]/.test(c)) {
      at++;
    } else if (special.includes(c)) {
      const two = text.slice(at, at + 2);
      const symbol = tokens.has(two) ? two : c;
      out.push({ kind: 'symbol', text: symbol });
      at += symbol.length;
    } else {
      let end = at;
      while (end < text.length && !special.includes(text.charAt(end)) && !/[ \t\r\n]/.test(text.charAt(end))) end++;
      const word = text.slice(at, end);
      out.push({ kind: tokens.has(word) ? 'symbol' : 'identifier', text: word });
      at = end;
    }
  }
  out.push({ kind: 'end', text: '' });
  return out;
}

const noPath = new FieldPath('<nil>');

function keyError(key: string, path: FieldPath): FieldError | undefined {
  const messages = qualifiedName(key);
  return messages.length ? invalid(path, key, messages.join('; ')) : undefined;
}

/** A checked requirement. Throws SelectorError with the list of what is wrong. */
export function requirement(key: string, operator: SelectorOperator, values: readonly string[]): Requirement {
  const errors: FieldError[] = [];
  const wrongKey = keyError(key, new FieldPath('key'));
  if (wrongKey) errors.push(wrongKey);
  const path = new FieldPath('values');
  const complain = (detail: string): number => errors.push(invalid(path, values, detail));
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length === 0) complain("for 'in', 'notin' operators, values set can't be empty");
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1) complain('exact-match compatibility requires one single value');
      break;
    case 'exists':
    case '!':
      if (values.length !== 0) complain('values set must be empty for exists and does not exist');
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) complain("for 'Gt', 'Lt' operators, exactly one value is required");
      values.forEach((value, i) => {
        if (integer(value) === undefined) {
          errors.push(invalid(path.index(i), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
        }
      });
      break;
    default:
      errors.push(notSupported(new FieldPath('operator'), operator, [...binaryOperators, 'exists', '!']));
  }
  values.forEach((value, i) => {
    const messages = labelValueMessages(value);
    if (messages.length) errors.push(invalid(path.index(i).key(key), value, messages.join('; ')));
  });
  if (errors.length) throw new SelectorError(aggregate(errors));
  return { key, operator, values };
}

function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}

function integer(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

const byKey = (a: Requirement, b: Requirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** Parses `a=b,c in (x,y),!d,e!=f`. Throws SelectorError in upstream's words. An empty text matches everything. */
export function parseLabelSelector(text: string): Selector {
  const reader = new Reader(lex(text));
  const requirements: Requirement[] = [];
  for (;;) {
    const token = reader.peek();
    if (token.kind === 'end') break;
    if (!startsRequirement(token)) {
      throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
    }
    try {
      requirements.push(parseRequirement(reader));
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
    const next = reader.take();
    if (next.kind === 'end') break;
    if (!isSymbol(next, ',')) throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
    const after = reader.peek();
    if (!startsRequirement(after)) throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
  }
  return { requirements: requirements.sort(byKey) };
}

class Reader {
  private at = 0;
  private readonly items: readonly Token[];

  constructor(items: readonly Token[]) {
    this.items = items;
  }

  // Where a value may stand, the words `in` and `notin` are values.
  peek(): Token {
    const token = this.raw();
    return isWordOperator(token) ? { kind: 'identifier', text: token.text } : token;
  }

  take(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  takeOperator(): Token {
    const token = this.raw();
    this.at++;
    return token;
  }

  private raw(): Token {
    return this.items[this.at] ?? { kind: 'end', text: '' };
  }
}

const isSymbol = (token: Token, text: string): boolean => token.kind === 'symbol' && token.text === text;
const isWordOperator = (token: Token): boolean => isSymbol(token, 'in') || isSymbol(token, 'notin');
const startsRequirement = (token: Token): boolean => token.kind === 'identifier' || isSymbol(token, '!');

function parseRequirement(reader: Reader): Requirement {
  let token = reader.take();
  const negated = isSymbol(token, '!');
  if (negated) token = reader.take();
  if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
  const key = token.text;
  const wrong = keyError(key, noPath);
  if (wrong) throw new SelectorError(fieldErrorText(wrong));
  const next = reader.peek();
  if (negated) return requirement(key, '!', []);
  if (next.kind === 'end' || isSymbol(next, ',')) return requirement(key, 'exists', []);
  const operator = operatorOf(reader.takeOperator());
  const values = operator === 'in' || operator === 'notin' ? parseValues(reader) : parseExactValue(reader);
  return requirement(key, operator, [...new Set(values)].sort());
}

function operatorOf(token: Token): SelectorOperator {
  if (token.kind === 'symbol') {
    switch (token.text) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
        return token.text;
      case '>':
        return 'gt';
      case '<':
        return 'lt';
    }
  }
  throw new SelectorError(`found '${token.text}', expected: ${binaryOperators.join(', ')}`);
}

function parseValues(reader: Reader): string[] {
  const open = reader.take();
  if (!isSymbol(open, '(')) throw new SelectorError(`found '${open.text}' expected: '('`);
  const first = reader.peek();
  if (isSymbol(first, ')')) {
    reader.take();
    return [''];
  }
  if (first.kind !== 'identifier' && !isSymbol(first, ',')) {
    throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
  }
  const values = parseList(reader);
  if (!isSymbol(reader.take(), ')')) throw new SelectorError(`found '${first.text}', expected: ')'`);
  return values;
}

function parseList(reader: Reader): string[] {
  const values: string[] = [];
  for (;;) {
    const token = reader.take();
    const next = reader.peek();
    if (token.kind === 'identifier') {
      values.push(token.text);
      if (isSymbol(next, ')')) return values;
      if (!isSymbol(next, ',')) throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
    } else if (isSymbol(token, ',')) {
      if (values.length === 0 || isSymbol(next, ',')) values.push('');
      if (isSymbol(next, ')')) return [...values, ''];
    } else {
      throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
    }
  }
}

function parseExactValue(reader: Reader): string[] {
  const next = reader.peek();
  if (next.kind === 'end' || isSymbol(next, ',')) return [''];
  reader.take();
  if (next.kind !== 'identifier') throw new SelectorError(`found '${next.text}', expected: identifier`);
  return [next.text];
}

const objectOperators: Record<string, SelectorOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The LabelSelector object as a selector: null selects nothing, an empty one everything. Throws SelectorError. */
export function selectorOf(object: LabelSelectorObject | null | undefined): Selector {
  if (!object) return nothing;
  const requirements = Object.entries(object.matchLabels ?? {}).map(([key, value]) => requirement(key, '=', [value]));
  for (const expression of object.matchExpressions ?? []) {
    const operator = objectOperators[expression.operator];
    if (!operator) throw new SelectorError(`${goQuote(expression.operator)} is not a valid label selector operator`);
    requirements.push(requirement(expression.key, operator, expression.values ?? []));
  }
  return { requirements: requirements.sort(byKey) };
}

/** A selector of labels that must all have exactly those values. */
export const selectorFromLabels = (labels: Record<string, string>): Selector => ({
  requirements: Object.entries(labels)
    .map(([key, value]): Requirement => ({ key, operator: '=', values: [value] }))
    .sort(byKey),
});

/** Whether the labels satisfy every requirement. */
export function matchesLabels(selector: Selector, labels: Readonly<Record<string, string>> | undefined): boolean {
  return !selector.nothing && selector.requirements.every((one) => matchesRequirement(one, labels ?? {}));
}

/** Whether the labels satisfy one requirement; a missing key satisfies only !=, notin and !. */
export function matchesRequirement(one: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, one.key) ? labels[one.key] : undefined;
  switch (one.operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && one.values.includes(value);
    case 'notin':
    case '!=':
      return value === undefined || !one.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const have = value === undefined ? undefined : integer(value);
      const limit = integer(one.values[0] ?? '');
      if (have === undefined || limit === undefined) return false;
      return one.operator === 'gt' ? have > limit : have < limit;
    }
    default:
      return one.operator satisfies never;
  }
}

function requirementText({ key, operator, values }: Requirement): string {
  const list = [...values].sort().join(',');
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${list})`;
    case 'gt':
      return `${key}>${list}`;
    case 'lt':
      return `${key}<${list}`;
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${list}`;
    default:
      return operator satisfies never;
  }
}

/** The text that parses back to the same selector. */
export const labelSelectorText = (selector: Selector): string => selector.requirements.map(requirementText).join(',');
