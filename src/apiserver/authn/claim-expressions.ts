// Compiles and evaluates the CEL of an AuthenticationConfiguration: expressions over the claims of a token, and over the user that they make.
// Loaded only where a configuration has expressions. Follows apiserver pkg/authentication/cel/{compile,mapper}.go and
// plugin/pkg/authenticator/token/oidc/oidc.go of v1.36.

import type { JWTPayload } from 'jose';
import { type Expr, partsOf } from '../../api/cel/ast.ts';
import { baseEnvironment, perCallLimit } from '../../api/cel/base-environment.ts';
import { check } from '../../api/cel/checker.ts';
import type { Environment } from '../../api/cel/environment.ts';
import { compileProgram, type Program } from '../../api/cel/evaluate.ts';
import { jsonValue, objectTypesOf, schemaType, type SchemaType, typedValue } from '../../api/cel/schema-types.ts';
import { dyn, mapOf, string } from '../../api/cel/types.ts';
import { CelError, elements, isList, type Value } from '../../api/cel/values.ts';
import type { JSONSchemaProps } from '../../api/generated/types.ts';
import type { UserInfo } from '../request.ts';
import { TokenError } from './authenticator.ts';

const text: JSONSchemaProps = { type: 'string' };
const texts: JSONSchemaProps = { type: 'array', items: text as never };
const userType = schemaType(
  {
    type: 'object',
    properties: {
      username: text,
      uid: text,
      groups: texts,
      extra: { type: 'object', additionalProperties: texts as never },
    },
  },
  'kubernetes.UserInfo',
  false,
) as SchemaType;

const claimsEnvironment = baseEnvironment.extend({ variables: { claims: mapOf(string, dyn) } });
const userEnvironment = baseEnvironment.extend({
  variables: { user: userType.type },
  objectTypes: objectTypesOf(userType),
});

/** An expression that compiles. */
export interface Expression {
  readonly text: string;
  readonly program: Program;
  readonly expr: Expr;
}

/** The expression, or why it cannot be used, in upstream's words. */
export type CompiledClaims = { expression: Expression } | { error: string };

function compile(source: string, environment: Environment, isRule: boolean): CompiledClaims {
  const result = check(source, environment);
  if (!result.ok) return { error: `compilation failed: ${result.issues.toString()}` };
  const { checked } = result;
  if (isRule && checked.type.kind !== 'bool') return { error: 'must evaluate to bool' };
  return { expression: { text: source, program: compileProgram(checked, environment), expr: checked.expr } };
}

/** What a claim mapping says; it may give anything, which is looked at when a token comes. */
const compileMapping = (source: string): CompiledClaims => compile(source, claimsEnvironment, false);
/** A rule over `claims`. */
const compileClaimRule = (source: string): CompiledClaims => compile(source, claimsEnvironment, true);
/** A rule over `user`. */
const compileUserRule = (source: string): CompiledClaims => compile(source, userEnvironment, true);

const isClaims = (expr: Expr | undefined): boolean => expr?.kind === 'ident' && expr.name === 'claims';

/** Whether an expression selects that claim: claims.email, has(claims.email) or claims.?email. */
function usesClaim({ expr }: Pick<Expression, 'expr'>, claim: string): boolean {
  if (expr.kind === 'select' && expr.field === claim && isClaims(expr.operand)) return true;
  if (expr.kind === 'call' && expr.name === '_?._') {
    const [operand, field] = expr.args;
    if (isClaims(operand) && field?.kind === 'const' && field.value === claim) return true;
  }
  return partsOf(expr).some((part) => usesClaim({ expr: part }, claim));
}

/** What the expression gives. Throws TokenError that says where it failed. */
function evaluate({ program, text: source }: Expression, name: string, variable: Value, where: string): Value {
  const { value } = program.evaluate((wanted) => (wanted === name ? variable : undefined), perCallLimit);
  if (value instanceof CelError)
    throw new TokenError(`${where}: expression '${source}' resulted in error: ${value.message}`);
  return value;
}

/** The username. Throws TokenError where it is no text, or empty. */
const usernameBy = (expression: Expression) => (claims: JWTPayload) => {
  const where = 'oidc: error evaluating username claim expression';
  const value = evaluate(expression, 'claims', jsonValue(claims), where);
  if (typeof value !== 'string') throw new TokenError(`${where}: username claim expression must return a string`);
  if (value === '') throw new TokenError('oidc: empty username via CEL expression is not allowed');
  return value;
};

/** The uid. Throws TokenError where it is no text. */
const uidBy = (expression: Expression) => (claims: JWTPayload) => {
  const where = 'oidc: error evaluating uid claim expression';
  const value = evaluate(expression, 'claims', jsonValue(claims), where);
  if (typeof value !== 'string') throw new TokenError(`${where}: uid claim expression must return a string`);
  return value;
};

/** A text, or a list of them; empty ones and null count for nothing. Throws TokenError. */
function textList(value: Value, where: string): string[] {
  if (value === null) return [];
  const all = isList(value) ? elements(value) : [value];
  return all.filter((one) => {
    if (typeof one !== 'string') throw new TokenError(`${where}: expression must return a string or a list of strings`);
    return one !== '';
  }) as string[];
}

const groupsBy = (expression: Expression) => (claims: JWTPayload) => {
  const where = 'oidc: error evaluating group claim expression';
  return textList(evaluate(expression, 'claims', jsonValue(claims), where), where);
};

/** Values by key; a key without any is left out. */
const extraBy =
  (mappings: readonly { key: string; expression: Expression }[]) =>
  (claims: JWTPayload): Record<string, string[]> => {
    const where = 'oidc: error evaluating extra claim expression';
    const variable = jsonValue(claims);
    const entries = mappings.map(({ key, expression }) => {
      const value = evaluate(expression, 'claims', variable, where);
      return [key, textList(value, `${where}: ${expression.text}`)] as const;
    });
    return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
  };

/** A rule and what is said where it does not hold. */
export interface Rule {
  expression: Expression;
  message: string;
}

function holds(rules: readonly Rule[], name: string, variable: Value, where: string): void {
  // All are evaluated before any is looked at: an error comes before a refusal.
  const values = rules.map(({ expression }) => evaluate(expression, name, variable, where));
  for (const [i, { expression, message }] of rules.entries()) {
    if (typeof values[i] !== 'boolean') throw new TokenError(`${where}: validation expression must return a boolean`);
    if (!values[i]) throw new TokenError(`${where}: validation expression '${expression.text}' failed: ${message}`);
  }
}

/** Throws TokenError unless every rule holds for the claims. */
const claimsHold = (rules: readonly Rule[]) => (claims: JWTPayload) =>
  holds(rules, 'claims', jsonValue(claims), 'oidc: error evaluating claim validation expression');

/** Throws TokenError unless every rule holds for the user. */
const userHolds = (rules: readonly Rule[]) => (user: UserInfo) => {
  const { name: username, uid = '', groups, extra = {} } = user;
  const variable = typedValue({ username, uid, groups, extra }, userType);
  holds(rules, 'user', variable, 'oidc: error evaluating user info validation rule');
};

/** All of it as one, which is what is loaded late. */
export const claimsCel = {
  compileMapping,
  compileClaimRule,
  compileUserRule,
  usesClaim,
  usernameBy,
  uidBy,
  groupsBy,
  extraBy,
  claimsHold,
  userHolds,
};
