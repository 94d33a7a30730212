// Regular expressions in expressions: RE2's syntax, matched in linear time. Follows apiserver pkg/cel/library/regex.go of v1.36.

import { RE2JS, RE2JSSyntaxException } from 're2js';
import { define, type FunctionDeclaration, member } from '../environment.ts';
import { int, listOf, string } from '../types.ts';
import { ArrayList, CelError, type Value } from '../values.ts';

/** The compiled patterns of late: expressions use the same ones again and again. */
const cache = new Map<string, RE2JS | CelError>();
const cacheSize = 500;

/** The pattern, or what is wrong with it. */
export function compileRegex(pattern: string): RE2JS | CelError {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const compiled = compile(pattern);
  if (cache.size >= cacheSize) cache.clear();
  cache.set(pattern, compiled);
  return compiled;
}

function compile(pattern: string): RE2JS | CelError {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) {
      const input = error.getPattern();
      const where = input === null ? '' : `: \`${input}\``;
      return new CelError(`error parsing regexp: ${error.getDescription()}${where}`);
    }
    return new CelError(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const illegal = ({ message }: CelError): CelError => new CelError(`Illegal regex: ${message}`);

function find(text: string, pattern: string): Value {
  const regex = compileRegex(pattern);
  if (regex instanceof CelError) return illegal(regex);
  const matcher = regex.matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

function findAll(text: string, pattern: string, limit = -1n): Value {
  const regex = compileRegex(pattern);
  if (regex instanceof CelError) return illegal(regex);
  const found: Value[] = [];
  const matcher = regex.matcher(text);
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return new ArrayList(found);
}

export const regexFunctions: readonly FunctionDeclaration[] = [
  define('find', member('string_find_string', [string, string], string, find)),
  define(
    'findAll',
    member('string_find_all_string', [string, string], listOf(string), (x: string, y: string) => findAll(x, y)),
    member('string_find_all_string_int', [string, string, int], listOf(string), findAll),
  ),
];
