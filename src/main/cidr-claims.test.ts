// Ranges of addresses are given to one instance each, also when instances start at the same moment.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostFiles } from '../host/files.ts';
import { cidrClaims, releaseCidrs } from './cidr-claims.ts';
import { resolveSettings } from './settings.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'peapod-claims-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('instances that start together take ranges of their own', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `instance-${i}`);
  const all = await Promise.all(
    names.map((name) => resolveSettings(hostFiles, `${root}/${name}.json`, {}, cidrClaims(name, root))),
  );
  expect(new Set(all.map(({ podCidr }) => podCidr)).size).toBe(names.length);
  expect(new Set(all.map(({ serviceCidr }) => serviceCidr)).size).toBe(names.length);
});

test('a claim holds against others, and until it is given back', async () => {
  const [a, b] = [cidrClaims('a', root), cidrClaims('b', root)];
  expect(await a.claim('pod', '10.42.0.0/16')).toBe(true);
  expect(await a.claim('pod', '10.42.0.0/16')).toBe(true);
  expect(await b.claim('pod', '10.42.0.0/16')).toBe(false);
  expect(await a.ofOthers('pod')).toEqual([]);
  expect(await b.ofOthers('pod')).toEqual(['10.42.0.0/16']);
  expect(await b.ofOthers('service')).toEqual([]);
  await releaseCidrs('b', root);
  expect(await b.claim('pod', '10.42.0.0/16')).toBe(false);
  await releaseCidrs('a', root);
  expect(await b.claim('pod', '10.42.0.0/16')).toBe(true);
});

test('ranges that were kept or asked for are claimed, and stay', async () => {
  const first = await resolveSettings(hostFiles, `${root}/a`, { podCidr: '10.9.0.0/16' }, cidrClaims('a', root));
  expect(first.podCidr).toBe('10.9.0.0/16');
  expect(await cidrClaims('b', root).ofOthers('pod')).toEqual(['10.9.0.0/16']);
  await releaseCidrs('a', root);
  const again = await resolveSettings(hostFiles, `${root}/a`, {}, cidrClaims('a', root));
  expect(again).toMatchObject({ podCidr: first.podCidr, serviceCidr: first.serviceCidr });
  expect(await cidrClaims('b', root).ofOthers('service')).toEqual([first.serviceCidr]);
});
