// How property names are written in expressions. Follows apiserver pkg/cel/escaping.go of v1.36.

const reserved = new Set(
  'true false null in as break const continue else for function if import in let loop package namespace return var void while'.split(
    ' ',
  ),
);

const sequences: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The identifier for a property; undefined where it cannot be written as one. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replaceAll(/__|[.\-/]/g, (part) => sequences[part] ?? part);
}
