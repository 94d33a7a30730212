// One schema of the generated types and those of kinds that bring their own, for documents that show both.
import type { ShownKind } from './operation.ts';
import type { Definition, Schema } from '../schema/schema.ts';

/** The generated schema itself where no kind brings one. */
export function combinedSchema(generated: Schema, kinds: readonly ShownKind[]): Schema {
  const own = kinds.flatMap(({ schema }) => (schema === undefined ? [] : [schema]));
  if (own.length === 0) return generated;
  // Generated definitions are parsed when they are first asked for: they are inherited, not copied.
  const definitions = Object.create(generated.definitions) as Record<string, Definition>;
  for (const schema of own) Object.assign(definitions, schema.definitions);
  return {
    definitions,
    ofKind(group, version, kind) {
      for (const schema of own) {
        const found = schema.ofKind(group, version, kind);
        if (found !== undefined) return found;
      }
      return generated.ofKind(group, version, kind);
    },
  };
}
