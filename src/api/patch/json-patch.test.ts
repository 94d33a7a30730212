import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyJsonPatch, jsonPatchStrictErrors } from './json-patch.ts';
import type { Tree } from './json-tree.ts';
import { applyMergePatch, createMergePatch } from './merge-patch.ts';

test.each<[string, Tree, unknown[], Tree]>([
  ['add a field', { a: 1 }, [{ op: 'add', path: '/b', value: { c: 1 } }], { a: 1, b: { c: 1 } }],
  ['add null', {}, [{ op: 'add', path: '/b', value: null }], { b: null }],
  ['add into a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }], { l: [1, 2, 3] }],
  ['add at the end', { l: [1] }, [{ op: 'add', path: '/l/-', value: 2 }], { l: [1, 2] }],
  ['add counted from the end', { l: [1, 2] }, [{ op: 'add', path: '/l/-1', value: 3 }], { l: [1, 2, 3] }],
  ['remove', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
  ['remove from the end', { l: [1, 2, 3] }, [{ op: 'remove', path: '/l/-1' }], { l: [1, 2] }],
  ['replace', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: [] }], { a: { b: [] } }],
  ['replace what is not there', { a: {} }, [{ op: 'replace', path: '/a/b', value: 1 }], { a: { b: 1 } }],
  ['copy what is not there', { a: 1 }, [{ op: 'copy', from: '/x', path: '/b' }], { a: 1, b: null }],
  ['a path that begins with no slash', { a: 1 }, [{ op: 'add', path: 'a/b', value: 2 }], { a: 1, b: 2 }],
  ['move', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/y' }], { a: {}, b: { y: 1 } }],
  ['copy', { a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { x: 1 }, b: { x: 1 } }],
  [
    'test then change',
    { a: [1] },
    [
      { op: 'test', path: '/a', value: [1] },
      { op: 'remove', path: '/a' },
    ],
    {},
  ],
  ['test of what is not there against null', {}, [{ op: 'test', path: '/a', value: null }], {}],
  ['escapes', { 'a/b': { '~': 1 } }, [{ op: 'replace', path: '/a~1b/~0', value: 2 }], { 'a/b': { '~': 2 } }],
])('%s', (_, original, patch, expected) => {
  const before = structuredClone(original);
  expect(applyJsonPatch(original, patch)).toEqual(expected);
  expect(original).toEqual(before);
});

test.each([
  [{ op: 'remove', path: '/x' }],
  [{ op: 'replace', path: '/x/y', value: 1 }],
  [{ op: 'add', path: '/x/y', value: 1 }],
  [{ op: 'add', path: '/l/9', value: 1 }],
  [{ op: 'add', path: '/l/a', value: 1 }],
  [{ op: 'test', path: '/l', value: [2] }],
  [{ op: 'frob', path: '/l' }],
  [{ path: '/l' }],
  [{ op: 'add', path: '', value: 1 }],
  [{ op: 'move', from: '/x', path: '/y' }],
  [{ op: 'add', path: '/__proto__/polluted', value: 1 }],
  [{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }],
  ['x'],
])('does not apply: %j', (operation) => {
  const message = 'the server rejected our request due to an error in our request';
  expect(() => applyJsonPatch({ l: [1] }, [operation])).toThrow(expect.objectContaining({ code: 422, message }));
  expect(({} as Tree)['polluted']).toBeUndefined();
});

test('a patch that is no list, and one that is too long', () => {
  expect(() => applyJsonPatch({}, {})).toThrow(
    expect.objectContaining({
      code: 400,
      message: 'json: cannot unmarshal object into Go value of type jsonpatch.Patch',
    }),
  );
  const long = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: null }));
  expect(() => applyJsonPatch({}, long)).toThrow(expect.objectContaining({ code: 413 }));
});

test('copies cannot fill the memory', () => {
  const patch = Array.from({ length: 40 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
  expect(() => applyJsonPatch({ a: ['x'.repeat(100)] }, patch)).toThrow(expect.objectContaining({ code: 422 }));
});

test('strict validation of the patch itself', () => {
  expect(jsonPatchStrictErrors([{ op: 'add', path: '/a', value: 1, foo: 2 }], ['duplicate field "[0].op"'])).toEqual([
    'json patch duplicate field "[0].op"',
    'json patch unknown field "[0].foo"',
  ]);
  expect(() => jsonPatchStrictErrors([{ op: 1 }], [])).toThrow(
    'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string',
  );
});

// The table of RFC 7386, appendix A, as far as documents are objects.
test.each<[unknown, Tree, Tree]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('merging %j with %j', (original, patch, expected) => {
  expect(applyMergePatch(original, patch)).toEqual(expected);
});

test('a merge patch that is no object', () => {
  expect(() => applyMergePatch({}, [])).toThrow(
    'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  );
});

const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const { tree } = fc.letrec<{ tree: Tree; value: unknown }>((tie) => ({
  tree: fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 5 }),
  value: fc.oneof({ maxDepth: 4 }, scalar, fc.array(scalar, { maxLength: 3 }), tie('tree')),
}));

test('the patch between two objects turns one into the other, and then is done', () => {
  fc.assert(
    fc.property(tree, tree, (from, to) => {
      const patch = createMergePatch(from, to);
      const patched = applyMergePatch(from, patch);
      expect(patched).toEqual(to);
      expect(applyMergePatch(patched, patch)).toEqual(to);
      expect(createMergePatch(patched, to)).toEqual({});
    }),
  );
});

test('a patch that is null changes nothing', () => {
  expect(applyJsonPatch({ a: 1 }, null)).toEqual({ a: 1 });
  expect(jsonPatchStrictErrors(null, [])).toEqual([]);
  expect(jsonPatchStrictErrors([null], [])).toEqual([]);
});
