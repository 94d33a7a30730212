// The tree of a CEL expression, macros already expanded. Follows cel-go common/ast.

import type { Uint } from './values.ts';

export type Literal = null | boolean | bigint | number | string | Uint | Uint8Array;

interface Node {
  /** Where errors about it point, as an offset in code points. */
  readonly offset: number;
}

export interface ConstNode extends Node {
  readonly kind: 'const';
  readonly value: Literal;
}
export interface IdentNode extends Node {
  readonly kind: 'ident';
  readonly name: string;
}
export interface SelectNode extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** has(operand.field) */
  readonly isTest: boolean;
}
export interface CallNode extends Node {
  readonly kind: 'call';
  /** An operator by its name in cel-go (`_+_`), or a function's. */
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}
export interface ListNode extends Node {
  readonly kind: 'list';
  readonly elements: readonly { readonly value: Expr; readonly isOptional: boolean }[];
}
export interface MapNode extends Node {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly isOptional: boolean }[];
}
export interface StructNode extends Node {
  readonly kind: 'struct';
  readonly typeName: string;
  readonly fields: readonly {
    readonly name: string;
    readonly value: Expr;
    readonly isOptional: boolean;
    readonly offset: number;
  }[];
}
export interface FoldNode extends Node {
  readonly kind: 'fold';
  readonly range: Expr;
  readonly iterVar: string;
  /** The second variable of all(k, v, ...). */
  readonly iterVar2: string | undefined;
  readonly accuVar: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = ConstNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | FoldNode;

/** The accumulator of macros; no expression can name it. */
export const accumulator = '@result';

/** The expressions right below one. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'const':
    case 'ident':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list':
      return expr.elements.map(({ value }) => value);
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.fields.map(({ value }) => value);
    case 'fold':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
    default:
      return expr satisfies never;
  }
}
