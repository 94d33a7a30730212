// Regular expressions that users give, in Go's syntax and in linear time.
import { RE2JS, RE2JSException } from 're2js';
import { LruMap } from '../../lib/lru-map.ts';

/** Compiled patterns of all schemas; more than this many are compiled again. */
const compiled = new LruMap<string, RE2JS>(2000);

/** Why the text is no pattern, in Go's words; undefined where it is one. */
export function patternError(pattern: string): string | undefined {
  try {
    compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message;
    throw error;
  }
}

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern);
  compiled.set(pattern, made);
  return made;
}

/** Whether the pattern occurs in the text. Throws on a pattern that patternError refuses. */
export const matchesPattern = (pattern: string, text: string): boolean => compile(pattern).matcher(text).find();
