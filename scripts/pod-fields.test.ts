import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { podFields, podFieldsSection } from './pod-fields.ts';

const { spec, status } = podFields();

test('every field of a pod has a state', () => {
  expect(spec.length).toBeGreaterThan(200);
  expect([...spec, ...status].filter(({ state }) => state === '').map(({ path }) => path)).toEqual([]);
});

test('who is said to set a status field speaks of it', () => {
  const silent = status
    .filter(({ state }) => state === 'acts')
    .filter(({ field, where }) => {
      const name = field.split('.').at(-1) ?? '';
      return !existsSync(`src/${where}`) || !new RegExp(`\\b${name}\\b`).test(readFileSync(`src/${where}`, 'utf8'));
    });
  expect(silent).toEqual([]);
});

test('a field warned about, a refused one and one that acts', () => {
  const lines = podFieldsSection().split('\n');
  expect(lines).toContain('| PodSpec.resourceClaims | warned about |  |');
  expect(lines.some((line) => line.startsWith('| PodSpec.hostNetwork | acts | '))).toBe(true);
  expect(lines.some((line) => line.startsWith('| Volume.image | '))).toBe(true);
});
