import { expect, it } from 'vitest';
// Made with Python's difflib.unified_diff (three lines of context), whose port upstream uses.
import cases from './testdata/unified-diff.json' with { type: 'json' };
import { unifiedDiff } from './unified-diff.ts';

it.each(cases.map((one, i) => [i, one] as const))('case %i is as difflib has it', (_, { before, after, diff }) => {
  expect(unifiedDiff(before, after)).toBe(diff);
});
