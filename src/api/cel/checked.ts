// An expression whose types were checked: what evaluation and estimates of cost go by.

import type { Expr } from './ast.ts';
import type { Overload } from './environment.ts';
import type { CelType } from './types.ts';

/** An expression whose types are right. */
export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  typeOf(expr: Expr): CelType;
  /** The forms that a call may be. */
  overloads(expr: Expr): readonly Overload[];
  /** The variable that an identifier, or a selection that is one name (`authorizer.requestResource`), stands for. */
  variable(expr: Expr): string | undefined;
  /** The variables that it names anywhere. */
  readonly variables: ReadonlySet<string>;
}
