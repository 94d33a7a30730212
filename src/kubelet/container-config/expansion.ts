// Expands $(VAR) references in env values, commands, arguments and subPathExpr.
// Follows third_party/forked/golang/expansion of v1.36.

/**
 * Replaces every `$(NAME)` by what `lookup` gives; where it gives undefined the reference stays as written. `$$` is a
 * literal dollar, so `$$(NAME)` gives `$(NAME)`. An opening without a closing bracket, and any other dollar, stay too.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let result = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    // A dollar as the last character begins nothing.
    if (dollar < 0 || dollar === text.length - 1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (end < 0) {
      result += text.slice(dollar, dollar + 2);
      at = dollar + 2;
    } else {
      const name = text.slice(dollar + 2, end);
      result += lookup(name) ?? `$(${name})`;
      at = end + 1;
    }
  }
}

/**
 * Expands a subPathExpr, where every reference must have a value that is not empty.
 * Throws `missing value for A, B` otherwise.
 */
export function expandStrictly(text: string, values: ReadonlyMap<string, string>): string {
  const missing = new Set<string>();
  const expanded = expand(text, (name) => {
    const value = values.get(name);
    if (!value) missing.add(name);
    return value ?? '';
  });
  if (missing.size > 0) throw new Error(`missing value for ${[...missing].sort().join(', ')}`);
  return expanded;
}
