import { describe, expect, it } from 'vitest';
import type { Taint, Toleration } from '../generated/types.ts';
import { findUntoleratedTaint, toleratesTaint } from './taints.ts';

const taint: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };

describe('toleratesTaint', () => {
  it.each<[string, Toleration, boolean]>([
    ['equal by default', { key: 'k', value: 'v', effect: 'NoSchedule' }, true],
    ['another value', { key: 'k', operator: 'Equal', value: 'w' }, false],
    ['any effect', { key: 'k', operator: 'Equal', value: 'v' }, true],
    ['another effect', { key: 'k', operator: 'Exists', effect: 'NoExecute' }, false],
    ['any value', { key: 'k', operator: 'Exists' }, true],
    ['another key', { key: 'l', operator: 'Exists' }, false],
    ['everything', { operator: 'Exists' }, true],
    ['a gated operator', { key: 'k', operator: 'Gt', value: '1' }, false],
  ])('%s', (_what, toleration, tolerated) => expect(toleratesTaint(toleration, taint)).toBe(tolerated));

  it('takes a taint without a value as the empty one', () => {
    expect(toleratesTaint({ key: 'k' }, { key: 'k', effect: 'NoSchedule' })).toBe(true);
  });
});

describe('findUntoleratedTaint', () => {
  it('finds the first that counts', () => {
    const soft: Taint = { key: 's', effect: 'PreferNoSchedule' };
    expect(findUntoleratedTaint([soft, taint], [], ['NoSchedule'])).toBe(taint);
    expect(findUntoleratedTaint([soft, taint], [{ operator: 'Exists' }], ['NoSchedule'])).toBeUndefined();
    expect(findUntoleratedTaint([soft], [], ['NoSchedule', 'NoExecute'])).toBeUndefined();
  });
});
