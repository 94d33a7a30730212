// The headers of a request one by one: node joins what was sent twice, and what was sent twice matters where it says who somebody is.

/** Headers by name, whatever their case. */
export interface HeaderValues {
  /** Every value of that header, as sent. */
  values(name: string): string[];
  /** Whether any header starts so; the prefix is in lower case. */
  hasPrefix(prefix: string): boolean;
  /** Key to values of the headers that start so; the key is decoded and in lower case. */
  withPrefix(prefix: string): Map<string, string[]>;
}

/** Percent escapes undone, where they are some. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Over names and values in turn, as node's rawHeaders has them. */
export function headerValues(raw: readonly string[]): HeaderValues {
  function* pairs(): Generator<[string, string]> {
    for (let i = 0; i + 1 < raw.length; i += 2) yield [(raw[i] ?? '').toLowerCase(), raw[i + 1] ?? ''];
  }
  return {
    values(name) {
      const wanted = name.toLowerCase();
      const found: string[] = [];
      for (const [key, value] of pairs()) if (key === wanted) found.push(value);
      return found;
    },
    hasPrefix(prefix) {
      // Every request is asked that: nothing is made for names that begin otherwise.
      const first = prefix.charCodeAt(0);
      for (let i = 0; i < raw.length; i += 2) {
        const name = raw[i] ?? '';
        if ((name.charCodeAt(0) | 0x20) === first && name.toLowerCase().startsWith(prefix)) return true;
      }
      return false;
    },
    withPrefix(prefix) {
      const found = new Map<string, string[]>();
      const start = prefix.toLowerCase();
      for (const [name, value] of pairs()) {
        if (!name.startsWith(start)) continue;
        const key = decoded(name.slice(start.length)).toLowerCase();
        found.set(key, [...(found.get(key) ?? []), value]);
      }
      return found;
    },
  };
}
