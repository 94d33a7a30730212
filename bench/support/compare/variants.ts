// An object with each of its fields spoilt, one at a time.
import type { Json } from './difference.ts';

type Path = readonly (string | number)[];

/** What a field becomes; undefined: it is left out. */
const values: readonly [string, Json | undefined][] = [
  ['left out', undefined],
  ['null', null],
  ['empty', ''],
  ['"Bad Value!"', 'Bad Value!'],
  ['-1', -1],
  ['99999999999', 99_999_999_999],
  ['0.5', 0.5],
  ['{}', {}],
  ['[]', []],
  ['true', true],
];

export function* variants(object: Json): Generator<{ what: string; object: Json }> {
  for (const path of places(object)) {
    if (path[0] === 'apiVersion' || path[0] === 'kind') continue;
    for (const [name, value] of values)
      yield { what: `${path.join('.')} ${name}`, object: changed(object, path, value) };
  }
}

function* places(value: Json, at: Path = []): Generator<Path> {
  if (value === null || typeof value !== 'object') return;
  for (const [key, below] of Object.entries(value)) {
    const here = [...at, Array.isArray(value) ? Number(key) : key];
    yield here;
    yield* places(below, here);
  }
}

function changed(object: Json, path: Path, value: Json | undefined): Json {
  const copy = structuredClone(object);
  let parent = copy as Record<string | number, Json>;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, Json>;
  const last = path.at(-1) ?? '';
  if (value !== undefined) parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(last as number, 1);
  else delete parent[last];
  return copy;
}
