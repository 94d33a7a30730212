// Properties of patches and of server-side apply over random pods and deployments.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objects } from '../../../test/support/random-objects.ts';
import { strategicDiff } from '../../../test/support/strategic-diff.ts';
import type { KubeObject } from '../meta/types.ts';
import { cloneTree, isTree, type Tree } from '../patch/json-tree.ts';
import { applyMergePatch, createMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../patch/strategic-merge-patch.ts';
import { checkObject } from '../schema/decode.ts';
import { loadSchema } from '../schema/load.ts';
import { applyConfiguration } from './apply-configuration.ts';
import { compareWritten } from './compare.ts';
import { type FieldSet, isEmptySet, leafSet, parseFieldsV1, sameSets } from './field-set.ts';
import { onlyVersion } from './managed-entries.ts';
import { mergeConfiguration } from './merge-objects.ts';
import { fieldSetOf } from './object-fields.ts';
import { removeFields } from './remove-fields.ts';

const schema = loadSchema();
const runs = { numRuns: 40 };

describe.each([
  ['v1', 'Pod', 'io.k8s.api.core.v1.Pod'],
  ['apps/v1', 'Deployment', 'io.k8s.api.apps.v1.Deployment'],
])('%s %s', (apiVersion, kind, definition) => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];

  /** As a client would write it: without what only the server sets, and without values that hold nothing. */
  const configs = objects(definition, 4).map((made) => {
    const config = cloneTree(made);
    expect(checkObject(schema, definition, config)).toEqual({ unknownFields: [] });
    return {
      ...withoutEmpty(config),
      apiVersion,
      kind,
      metadata: { name: 'x', ...(made['metadata'] ? { labels: { l: 'x' } } : {}) },
    };
  });

  const apply = (live: KubeObject | undefined, manager: string, config: Tree): KubeObject => {
    const { object, managedFields } = applyConfiguration({
      group: group ?? '',
      version: version ?? '',
      kind,
      views: onlyVersion(apiVersion, schema, definition),
      live,
      config,
      manager,
      force: false,
      subresource: '',
      now: 0,
    });
    // As it is stored: nulls go.
    const stored = withoutEmpty(object) as KubeObject;
    return { ...stored, metadata: { ...stored.metadata, uid: 'u', managedFields } };
  };
  const same = (a: KubeObject, b: KubeObject): boolean => {
    const bare = ({ metadata, ...object }: KubeObject): object => {
      const { managedFields: _, ...rest } = metadata ?? {};
      return { ...object, metadata: rest };
    };
    const { changed, removed } = compareWritten(schema, definition, bare(a), bare(b));
    return isEmptySet(changed) && isEmptySet(removed);
  };
  const owned = (object: KubeObject, manager: string) =>
    parseFieldsV1(object.metadata?.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1 ?? {});

  test('apply is idempotent, and gives what was applied to nothing', () => {
    fc.assert(
      fc.property(configs, configs, (first, config) => {
        expect(
          same(apply(undefined, 'a', config), {
            ...(config as KubeObject),
            metadata: { ...(config.metadata as object), uid: 'u' },
          }),
        ).toBe(true);
        const once = apply(apply(undefined, 'b', first), 'b', config);
        expect(apply(once, 'b', config)).toEqual(once);
      }),
      runs,
    );
  });

  test('two managers that own different fields, or want the same, commute', () => {
    fc.assert(
      fc.property(configs, configs, fc.boolean(), (one, other, disjoint) => {
        // Without all of the other's fields, or with each of its values where both have the field.
        const leaves = onlyLeaves(fieldSetOf(schema, definition, one));
        const two = disjoint
          ? {
              ...withoutEmpty(removeFields(schema, definition, other, leaves)),
              apiVersion,
              kind,
              metadata: { name: 'x' },
            }
          : mergeConfiguration(schema, definition, other, one);
        const there = apply(apply(undefined, 'one', one), 'two', two);
        const back = apply(apply(undefined, 'two', two), 'one', one);
        expect(same(there, back)).toBe(true);
        for (const manager of ['one', 'two']) expect(sameSets(owned(there, manager), owned(back, manager))).toBe(true);
        // And when both let go nothing of theirs is left.
        const bare = { apiVersion, kind, metadata: { name: 'x' } };
        const empty = apply(apply(there, 'one', bare), 'two', bare);
        expect(empty.metadata?.managedFields).toEqual([]);
        expect(withoutEmpty({ ...empty })).toEqual({ apiVersion, kind, metadata: { name: 'x', uid: 'u' } });
      }),
      runs,
    );
  });

  test('the merge patch of a difference gives the target, and so does the strategic one', () => {
    fc.assert(
      fc.property(configs, configs, (from, to) => {
        expect(applyMergePatch(from, createMergePatch(from, to))).toEqual(to);
        const patch = strategicDiff(schema, definition, from, to);
        expect(withoutEmpty(applyStrategicMergePatch(schema, definition, from, patch))).toEqual(withoutEmpty(to));
      }),
      runs,
    );
  });
});

/** Fields that hold nothing are as good as not there. */
function withoutEmpty(value: Tree): Tree {
  const kept = Object.entries(value).flatMap(([key, item]) => {
    const inner = tidy(item);
    return inner === undefined ? [] : [[key, inner] as const];
  });
  return Object.fromEntries(kept);
}

function tidy(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((item) => (isTree(item) ? withoutEmpty(item) : item));
  if (!isTree(value)) return value;
  const inner = withoutEmpty(value);
  return Object.keys(inner).length === 0 ? undefined : inner;
}

/** What to take out of another object so that it shares none of these fields: leaves, and elements of lists as a whole. */
function onlyLeaves(set: FieldSet): FieldSet {
  if (set.children === undefined) return set;
  const children = [...set.children].map(([element, child]): [string, FieldSet] => [
    element,
    element.startsWith('k:') ? leafSet : onlyLeaves(child),
  ]);
  return { member: false, children: new Map(children) };
}
