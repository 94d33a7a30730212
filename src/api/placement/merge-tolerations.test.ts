import { expect, it } from 'vitest';
import type { Toleration } from '../generated/types.ts';
import { mergeTolerations } from './merge-tolerations.ts';

const all: Toleration = { operator: 'Exists' };
const key: Toleration = { key: 'k', operator: 'Exists' };
const value: Toleration = { key: 'k', operator: 'Equal', value: 'v' };
const effect: Toleration = { key: 'k', operator: 'Exists', effect: 'NoExecute' };
const minute: Toleration = { ...effect, tolerationSeconds: 60 };
const hour: Toleration = { ...effect, tolerationSeconds: 3600 };

it.each<[Toleration[], Toleration[], Toleration[]]>([
  [[], [], []],
  [[value], [value], [value]],
  [[value], [key], [key]],
  [[key], [value], [key]],
  [[key, value], [all], [all]],
  [[effect], [value], [effect, value]],
  [[minute], [hour], [hour]],
  [[hour], [minute], [hour]],
  [[minute], [effect], [effect]],
  [[{ ...value, value: 'other' }], [value], [{ ...value, value: 'other' }, value]],
])('%j and %j make %j', (first, second, merged) => expect(mergeTolerations(first, second)).toEqual(merged));
