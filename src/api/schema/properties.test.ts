// Properties of decoding, patching and ownership over random objects of real kinds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareObjects } from '../managed-fields/compare.ts';
import { onlyVersion } from '../managed-fields/managed-entries.ts';
import { fieldSetOf } from '../managed-fields/object-fields.ts';
import {
  type FieldSet,
  intersectSets,
  isEmptySet,
  parseFieldsV1,
  sameSets,
  subtractSets,
  unionSets,
} from '../managed-fields/field-set.ts';
import { updateManagedFields } from '../managed-fields/update-managed-fields.ts';
import type { KubeObject } from '../meta/types.ts';
import { cloneTree } from '../patch/json-tree.ts';
import { applyMergePatch, createMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../patch/strategic-merge-patch.ts';
import { checkObject } from './decode.ts';
import { cloneAsGiven } from './given-empty.ts';
import { loadSchema } from './load.ts';
import { objects } from '../../../test/support/random-objects.ts';
import { fillUnsetFields } from './unset-fields.ts';

const schema = loadSchema();
const definition = 'io.k8s.api.core.v1.Pod';

/** Pods as decoded. */
const pods = objects(definition, 4).map((pod) => {
  const copy = cloneTree(pod);
  expect(checkObject(schema, definition, copy)).toEqual({ unknownFields: [] });
  return copy;
});
const runs = { numRuns: 60 };

test('decoding is idempotent', () => {
  fc.assert(
    fc.property(pods, (pod) => {
      const again = cloneTree(pod);
      expect(checkObject(schema, definition, again)).toEqual({ unknownFields: [] });
      expect(again).toEqual(pod);
    }),
    runs,
  );
});

test('no JSON makes decoding throw, and what it leaves decodes without a word', () => {
  const field = fc.constantFrom(
    'spec',
    'metadata',
    'containers',
    'name',
    'labels',
    'x',
    '__proto__',
    'status',
    'ports',
    'resources',
    'limits',
  );
  const { any } = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<unknown>(null, 1, 1.5, true, 'x', ''),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(field, tie('any'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(any, (value) => {
      const { typeError } = checkObject(schema, definition, value);
      if (typeError === undefined) expect(checkObject(schema, definition, value)).toEqual({ unknownFields: [] });
    }),
  );
});

test('a strategic merge patch without lists does what a merge patch does', () => {
  const meta = fc.record(
    {
      labels: fc.dictionary(fc.string({ maxLength: 2 }), fc.string(), { maxKeys: 4 }),
      annotations: fc.dictionary(fc.string({ maxLength: 2 }), fc.string(), { maxKeys: 4 }),
      name: fc.string(),
    },
    { requiredKeys: [] },
  );
  const object = fc.record({ metadata: meta }, { requiredKeys: [] });
  fc.assert(
    fc.property(object, object, (from, to) => {
      const patch = createMergePatch(from, to);
      expect(applyStrategicMergePatch(schema, definition, from, patch)).toEqual(applyMergePatch(from, patch));
    }),
  );
});

test('an object patched with itself stays as it is, and patches apply once', () => {
  fc.assert(
    fc.property(pods, pods, (a, b) => {
      expect(applyStrategicMergePatch(schema, definition, a, a)).toEqual(a);
      const patched = applyStrategicMergePatch(schema, definition, a, b);
      expect(applyStrategicMergePatch(schema, definition, patched, b)).toEqual(patched);
    }),
    runs,
  );
});

test('what changed one way is what changed the other way', () => {
  fc.assert(
    fc.property(pods, pods, (a, b) => {
      const there = compareObjects(schema, definition, a, b);
      const back = compareObjects(schema, definition, b, a);
      const same = compareObjects(schema, definition, a, cloneAsGiven(a));
      expect(isEmptySet(same.changed) && isEmptySet(same.removed)).toBe(true);
      expect(isEmptySet(intersectSets(there.changed, there.removed))).toBe(true);
      // What was removed is among what comes back, and the rest was modified both ways.
      expect(isEmptySet(subtractSets(there.removed, back.changed))).toBe(true);
      expect(sameSets(subtractSets(there.changed, back.removed), subtractSets(back.changed, there.removed))).toBe(true);
    }),
    runs,
  );
});

test('completing an object with its unset fields changes no owner', () => {
  fc.assert(
    fc.property(pods, pods, (a, b) => {
      const [fullA, fullB] = [cloneAsGiven(a), cloneAsGiven(b)];
      fillUnsetFields(schema, definition, fullA);
      fillUnsetFields(schema, definition, fullB);
      const plain = compareObjects(schema, definition, a, b);
      const filled = compareObjects(schema, definition, fullA, fullB);
      expect(sameSets(plain.changed, filled.changed) && sameSets(plain.removed, filled.removed)).toBe(true);
    }),
    runs,
  );
});

test('after any writes no field has two owners, and every owned field is there', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pods, fc.constantFrom('a', 'b', 'c')), { minLength: 1, maxLength: 4 }), (writes) => {
      let live: KubeObject | undefined;
      writes.forEach(([pod, manager], i) => {
        const managedFields = updateManagedFields({
          apiVersion: 'v1',
          views: onlyVersion('v1', schema, definition),
          before: live,
          after: pod,
          managedFieldsBefore: live?.metadata?.managedFields,
          manager,
          subresource: '',
          now: i * 1000,
        });
        live = { ...pod, metadata: { ...(pod['metadata'] as object | undefined), managedFields } };
      });
      const sets = (live?.metadata?.managedFields ?? []).map((entry) => parseFieldsV1(entry.fieldsV1));
      const last = cloneTree(writes.at(-1)?.[0] ?? {});
      // Compared with nothing at all, fields that Go never leaves out count too.
      const there = compareObjects(schema, definition, undefined as unknown as object, last).changed;
      let owned: FieldSet = { member: false, children: undefined };
      for (const set of sets) {
        expect(isEmptySet(intersectSets(owned, set))).toBe(true);
        owned = unionSets(owned, set);
      }
      expect(isEmptySet(subtractSets(fieldsOnly(owned), unionSets(there, fieldSetOf(schema, definition, last))))).toBe(
        true,
      );
    }),
    runs,
  );
});

/** Without containers of fields: those may stay owned when they become empty. */
function fieldsOnly(set: FieldSet): FieldSet {
  if (!set.children) return set;
  const children = new Map([...set.children].map(([element, child]) => [element, fieldsOnly(child)]));
  return { member: false, children };
}
