// The CEL expressions that select devices in resource.k8s.io: what they may use, and whether they compile and are cheap enough.
// Follows dynamic-resource-allocation/cel/compile.go of v1.36.

import { baseEnvironment } from './base-environment.ts';
import { check } from './checker.ts';
import type { ObjectType } from './environment.ts';
import { estimateCost } from './estimate.ts';
import { bindMacro } from './macros.ts';
import { bool, type CelType, dyn, fullTypeText, mapOf, opaque, string, struct } from './types.ts';

const maxEntries = 32;
const maxDomain = 63;
const maxId = 32;
const maxValue = 64;

const quantity = opaque('kubernetes.Quantity');
const byDomain = (value: CelType): CelType => mapOf(string, mapOf(string, value));

/** The fields of `device`. Attributes and capacities are by domain, then by name. */
const fields: ReadonlyMap<string, CelType> = new Map([
  ['driver', string],
  ['attributes', byDomain(dyn)],
  ['capacity', byDomain(quantity)],
  ['allowMultipleAllocations', bool],
]);

const deviceType: ObjectType = { name: 'kubernetes.DRADevice', field: (name) => fields.get(name) };

const environment = baseEnvironment.extend({
  variables: { device: struct(deviceType.name) },
  objectTypes: (name) => (name === deviceType.name ? deviceType : undefined),
});

/** The most elements or characters of what a path leads to. */
function sizes([variable, field, ...below]: readonly string[]): number | undefined {
  if (variable !== 'device') return undefined;
  if (field === 'driver') return maxDomain;
  if (field !== 'attributes' && field !== 'capacity') return undefined;
  const [first, second] = below;
  if (first === undefined) return maxEntries;
  if (first === '@keys') return maxDomain;
  if (second === undefined) return maxEntries;
  if (second === '@keys') return maxId;
  return field === 'attributes' ? maxValue : undefined;
}

/** What is wrong with an expression, or the most that it may cost. */
export type DeviceSelector = { error: string } | { maxCost: number };

export function compileDeviceSelector(expression: string): DeviceSelector {
  const result = check(expression, environment, bindMacro);
  if (!result.ok) return { error: `compilation failed: ${result.issues.toString()}` };
  const { type } = result.checked;
  if (type.kind !== 'bool' && type.kind !== 'dyn')
    return { error: `must evaluate to bool or the unknown type, not ${fullTypeText(type)}` };
  return { maxCost: estimateCost(result.checked, sizes).max };
}
