// Parses CEL expressions. Follows cel-go parser/parser.go and the grammar parser/gen/CEL.g4, with optional syntax on.

import type { Expr, ListNode, MapNode, StructNode } from './ast.ts';
import { SyntaxProblem, type Token, tokenize } from './lexer.ts';
import { expandMacro, type ExtraMacro, MacroProblem } from './macros.ts';
import { Issues } from './source.ts';
import { isInt64 } from './values.ts';

/** How deeply expressions may nest, chains of operators and selections included. */
const maxDepth = 250;
/** In code points. */
const maxSize = 100_000;

const reserved = new Set(
  'as break const continue else for function if import in let loop package namespace return var void while'.split(' '),
);
const operandStart =
  "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER";

const relations = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);
const callOf = (operator: string): string => (operator === 'in' ? '@in' : `_${operator}_`);

export type Parsed = { ok: true; expr: Expr } | { ok: false; issues: Issues };

/** The tree of the expression, which may use `macro` too, or what is wrong with it. */
export function parse(text: string, macro?: ExtraMacro): Parsed {
  const source = Array.from(text);
  const issues = new Issues(source);
  if (source.length > maxSize) {
    issues.report(-1, `expression code point size exceeds limit: size: ${source.length}, limit ${maxSize}`);
    return { ok: false, issues };
  }
  try {
    const expr = new Parser(tokenize(source), issues, macro).whole();
    return issues.any ? { ok: false, issues } : { ok: true, expr };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    issues.report(error.offset, error.message);
    return { ok: false, issues };
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #issues: Issues;
  readonly #macro: ExtraMacro | undefined;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], issues: Issues, macro: ExtraMacro | undefined) {
    this.#tokens = tokens;
    this.#issues = issues;
    this.#macro = macro;
  }

  whole(): Expr {
    const expr = this.#expr();
    if (this.#peek.type !== 'end')
      throw this.#unexpected(this.#tokens[this.#at + 1]?.type === 'end' ? 'extraneous' : 'mismatched', '<EOF>');
    return expr;
  }

  get #peek(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #next(): Token {
    const token = this.#peek;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  #is(symbol: string): boolean {
    return this.#peek.type === 'symbol' && this.#peek.text === symbol;
  }

  #take(symbol: string): boolean {
    if (!this.#is(symbol)) return false;
    this.#at++;
    return true;
  }

  #unexpected(how: string, expected: string): SyntaxProblem {
    return new SyntaxProblem(
      this.#peek.offset,
      `Syntax error: ${how} input '${this.#peek.text}' expecting ${expected}`,
    );
  }

  #expect(symbol: string): Token {
    if (!this.#is(symbol)) throw this.#unexpected('mismatched', `'${symbol}'`);
    return this.#next();
  }

  #deeper<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw new SyntaxProblem(-1, `expression recursion limit exceeded: ${maxDepth}`);
    const result = read();
    this.#depth--;
    return result;
  }

  #expr(): Expr {
    return this.#deeper(() => {
      const condition = this.#logical('||');
      const { offset } = this.#peek;
      if (!this.#take('?')) return condition;
      const yes = this.#logical('||');
      this.#expect(':');
      const no = this.#expr();
      return { kind: 'call', name: '_?_:_', target: undefined, args: [condition, yes, no], offset };
    });
  }

  /** Long chains are made into balanced trees, so that they are not deep. */
  #logical(operator: '||' | '&&'): Expr {
    const read = (): Expr => (operator === '||' ? this.#logical('&&') : this.#relation());
    const terms = [read()];
    const offsets: number[] = [];
    while (this.#is(operator)) {
      offsets.push(this.#next().offset);
      terms.push(read());
    }
    return balanced(callOf(operator), terms, offsets, 0, offsets.length - 1);
  }

  /** Operators of one rank, from the left. */
  #chain(operators: (symbol: string) => boolean, read: () => Expr): Expr {
    const before = this.#depth;
    let left = read();
    while (this.#peek.type === 'symbol' && operators(this.#peek.text)) {
      const { text, offset } = this.#next();
      this.#deeperBy1();
      left = { kind: 'call', name: callOf(text), target: undefined, args: [left, read()], offset };
    }
    this.#depth = before;
    return left;
  }

  #deeperBy1(): void {
    if (++this.#depth > maxDepth) throw new SyntaxProblem(-1, `expression recursion limit exceeded: ${maxDepth}`);
  }

  #relation(): Expr {
    return this.#chain(
      (symbol) => relations.has(symbol),
      () =>
        this.#chain(
          (symbol) => symbol === '+' || symbol === '-',
          () =>
            this.#chain(
              (symbol) => symbol === '*' || symbol === '/' || symbol === '%',
              () => this.#unary(),
            ),
        ),
    );
  }

  #unary(): Expr {
    const { text, offset } = this.#peek;
    if (!this.#is('!') && !this.#is('-')) return this.#member();
    const literal = this.#tokens[this.#at + 1];
    if (text === '-' && literal?.type === 'literal' && isNumber(literal)) return this.#member();
    let count = 0;
    while (this.#take(text)) count++;
    const operand = this.#member();
    // An even number of signs cancels out.
    if (count % 2 === 0) return operand;
    return { kind: 'call', name: `${text}_`, target: undefined, args: [operand], offset };
  }

  #member(): Expr {
    const before = this.#depth;
    let expr = this.#primary();
    for (;;) {
      const { offset } = this.#peek;
      if (this.#take('.')) {
        this.#deeperBy1();
        expr = this.#selection(expr, offset);
      } else if (this.#take('[')) {
        this.#deeperBy1();
        const name = this.#take('?') ? '_[?_]' : '_[_]';
        const index = this.#expr();
        this.#expect(']');
        expr = { kind: 'call', name, target: undefined, args: [expr, index], offset };
      } else {
        this.#depth = before;
        return expr;
      }
    }
  }

  #selection(operand: Expr, offset: number): Expr {
    const isOptional = this.#take('?');
    const { type, text: field, offset: at } = this.#peek;
    if (type === 'symbol' || type === 'end' || (type === 'literal' && !/^\w/.test(field))) throw this.#noName();
    if (type === 'literal') throw this.#unexpected('mismatched', 'IDENTIFIER');
    this.#next();
    if (isOptional) {
      const name: Expr = { kind: 'const', value: field, offset: at };
      return { kind: 'call', name: '_?._', target: undefined, args: [operand, name], offset };
    }
    const open = this.#peek.offset;
    if (type === 'identifier' && this.#take('(')) return this.#call(field, operand, open);
    return { kind: 'select', operand, field, isTest: false, offset };
  }

  #noName(): SyntaxProblem {
    const { text, offset } = this.#peek;
    return new SyntaxProblem(offset, `Syntax error: no viable alternative at input '.${text}'`);
  }

  #call(name: string, target: Expr | undefined, offset: number): Expr {
    const args: Expr[] = [];
    if (!this.#is(')')) {
      do args.push(this.#expr());
      while (this.#take(','));
    }
    this.#expect(')');
    try {
      const expanded = expandMacro(name, target, args, offset) ?? this.#macro?.(name, target, args, offset);
      return expanded ?? { kind: 'call', name, target, args, offset };
    } catch (error) {
      if (!(error instanceof MacroProblem)) throw error;
      this.#issues.report(error.offset, error.message);
      return { kind: 'const', value: null, offset };
    }
  }

  #primary(): Expr {
    const token = this.#peek;
    const { offset } = token;
    if (token.type === 'literal') {
      this.#next();
      if (typeof token.value === 'bigint' && !isInt64(token.value))
        throw new SyntaxProblem(offset, 'invalid int literal');
      return { kind: 'const', value: token.value ?? null, offset };
    }
    if (this.#is('-')) return this.#negative();
    if (token.type === 'identifier' || this.#is('.')) return this.#named();
    if (this.#take('(')) {
      const expr = this.#expr();
      this.#expect(')');
      return expr;
    }
    if (this.#take('[')) return this.#list(offset);
    if (this.#take('{')) return this.#map(offset);
    throw this.#unexpected('mismatched', `{${operandStart}}`);
  }

  #negative(): Expr {
    const { offset } = this.#next();
    const { value } = this.#next();
    if (typeof value === 'number') return { kind: 'const', value: -value, offset };
    return { kind: 'const', value: -(value as bigint), offset };
  }

  /** An identifier, a call, or an object of a named type. */
  #named(): Expr {
    const start = this.#peek.offset;
    const dot = this.#take('.') ? '.' : '';
    const first = this.#peek;
    if (first.type !== 'identifier') throw this.#noName();
    const typeName = this.#typeName();
    if (typeName !== undefined) return this.#struct(dot + typeName);
    this.#next();
    if (reserved.has(first.text)) {
      this.#issues.report(first.offset, `reserved identifier: ${first.text}`);
      return { kind: 'const', value: null, offset: first.offset };
    }
    const open = this.#peek.offset;
    if (this.#take('(')) return this.#call(dot + first.text, undefined, open);
    return { kind: 'ident', name: dot + first.text, offset: dot === '' ? first.offset : start };
  }

  /** Reads `a.b.c` where a brace follows it. */
  #typeName(): string | undefined {
    const names: string[] = [];
    let at = this.#at;
    for (;;) {
      const token = this.#tokens[at];
      if (token?.type !== 'identifier') return undefined;
      names.push(token.text);
      const after = this.#tokens[at + 1];
      if (after?.type === 'symbol' && after.text === '{') break;
      if (after?.type !== 'symbol' || after.text !== '.') return undefined;
      at += 2;
    }
    this.#at = at + 1;
    return names.join('.');
  }

  #list(offset: number): ListNode {
    const elements: { value: Expr; isOptional: boolean }[] = [];
    while (!this.#is(']')) {
      const isOptional = this.#take('?');
      elements.push({ value: this.#expr(), isOptional });
      if (!this.#take(',')) break;
    }
    this.#expect(']');
    return { kind: 'list', elements, offset };
  }

  #map(offset: number): MapNode {
    const entries: { key: Expr; value: Expr; isOptional: boolean }[] = [];
    while (!this.#is('}')) {
      const isOptional = this.#take('?');
      const key = this.#expr();
      this.#expect(':');
      entries.push({ key, value: this.#expr(), isOptional });
      if (!this.#take(',')) break;
    }
    this.#expect('}');
    return { kind: 'map', entries, offset };
  }

  #struct(typeName: string): StructNode {
    const { offset } = this.#expect('{');
    const fields: { name: string; value: Expr; isOptional: boolean; offset: number }[] = [];
    while (!this.#is('}')) {
      const isOptional = this.#take('?');
      const { type, text: name } = this.#peek;
      if (type !== 'identifier' && type !== 'escaped') throw this.#unexpected('mismatched', "{'}', IDENTIFIER}");
      this.#next();
      const colon = this.#expect(':').offset;
      fields.push({ name, value: this.#expr(), isOptional, offset: colon });
      if (!this.#take(',')) break;
    }
    this.#expect('}');
    return { kind: 'struct', typeName, fields, offset };
  }
}

const isNumber = ({ value }: Token): boolean => typeof value === 'number' || typeof value === 'bigint';

function balanced(name: string, terms: readonly Expr[], offsets: readonly number[], low: number, high: number): Expr {
  if (low > high) return terms[low] as Expr;
  const middle = Math.floor((low + high + 1) / 2);
  const args = [balanced(name, terms, offsets, low, middle - 1), balanced(name, terms, offsets, middle + 1, high)];
  return { kind: 'call', name, target: undefined, args, offset: offsets[middle] ?? 0 };
}
