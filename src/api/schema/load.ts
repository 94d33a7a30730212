// Gives the generated API schema, parsed on first use and then shared.
import generated from '../generated/schema.json' with { type: 'json' };
import type { Definition, Schema } from './schema.ts';
import { settingsDefinitions, settingsDescriptions } from './settings-types.ts';

/** Texts by definition name, then by field; the key '' is the type's own text. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

let loaded: Schema | undefined;

/** Definitions by name, each parsed when it is first asked for. */
function lazyDefinitions(names: readonly string[], lines: readonly string[]): Readonly<Record<string, Definition>> {
  const definitions = Object.create(null) as Record<string, Definition>;
  names.forEach((name, at) => {
    const get = (): Definition => {
      const value = JSON.parse(lines[at] ?? '') as Definition;
      Object.defineProperty(definitions, name, { value, enumerable: true });
      return value;
    };
    Object.defineProperty(definitions, name, { get, enumerable: true, configurable: true });
  });
  return definitions;
}

/** The schema of every built-in type. The first call indexes it (under a millisecond); later calls give the same object. */
export function loadSchema(): Schema {
  if (!loaded) {
    const definitions = lazyDefinitions(generated.names.split('\n'), generated.definitions.split('\n'));
    const byKind = new Map(generated.kinds.split('\n').map((line) => line.split(' ') as [string, string]));
    for (const definition of settingsDefinitions) {
      Object.defineProperty(definitions, definition.name, { value: definition, enumerable: true });
      for (const { group, version, kind } of definition.gvk ?? [])
        byKind.set(`${group}/${version}/${kind}`, definition.name);
    }
    // Known, if not served, in their old version, in which evictions may still be asked for; no document has it any more.
    for (const kind of ['Eviction', 'PodDisruptionBudget'])
      byKind.set(`policy/v1beta1/${kind}`, `io.k8s.api.policy.v1.${kind}`);
    loaded = {
      definitions,
      ofKind: (group, version, kind) => definitions[byKind.get(`${group}/${version}/${kind}`) ?? ''],
    };
  }
  return loaded;
}

/** The descriptions of every type and field, loaded apart because only OpenAPI documents need them. */
export async function loadDescriptions(): Promise<Descriptions> {
  const { default: text } = await import('../generated/descriptions.json', { with: { type: 'json' } });
  return { ...(JSON.parse(text.descriptions) as Descriptions), ...settingsDescriptions };
}
