// Images: loaded from archives, imported at start, pulled through a mirror, listed and removed.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const fixtures = join(repository, 'fixtures/images');

describe.skipIf(noContainers)(`images${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let registry: Registry;
  let peapod: Peapod;
  beforeAll(async () => {
    registry = await startRegistry(fixtures);
    const dataDir = mkdtempSync(join(tmpdir(), 'peapod-test-'));
    mkdirSync(join(dataDir, 'images'));
    const busybox = readdirSync(fixtures).find((name) => name.includes('busybox'));
    copyFileSync(join(fixtures, busybox ?? ''), join(dataDir, 'images', 'first.tar'));
    peapod = await startPeapod({ dataDir, images: false, args: ['--registry-mirror', `docker.io=${registry.url}`] });
  });
  afterAll(async () => {
    await peapod?.dispose();
    await registry?.close();
  });

  test('archives in <data-dir>/images are imported at start', async () => {
    expect((await peapod.command(['image', 'list'])).stdout).toMatch(/busybox/);
  });

  test('imagePullPolicy Always pulls through the mirror, with the events of a pull', async () => {
    await peapod.kubectl(['run', 'pulled', '--image=nginx', '--restart=Never']);
    await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/pulled', '--timeout=60s']);
    expect(registry.requests).toContain('/v2/library/nginx/manifests/latest');
    const events = await peapod.kubectl(['describe', 'pod', 'pulled']);
    const reasons = [...events.slice(events.indexOf('Events:')).matchAll(/^ {2}(?:Normal|Warning)\s+(\w+)/gm)].map(
      (match) => match[1],
    );
    expect(reasons).toEqual(['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started']);
    expect(events).toMatch(/Pulling image "nginx"/);
    expect(events).toMatch(
      /Successfully pulled image "nginx" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\./,
    );
    await peapod.kubectl(['delete', 'pod', 'pulled', '--now']);
  });

  test('image pull, list and rm', async () => {
    expect((await peapod.command(['image', 'pull', 'debian'])).code).toBe(0);
    expect((await peapod.command(['image', 'list'])).stdout).toMatch(
      /docker\.io\/library\/debian\s+latest|docker\.io\/library\/debian:latest/,
    );
    expect((await peapod.command(['image', 'rm', 'debian'])).code).toBe(0);
    expect((await peapod.command(['image', 'list'])).stdout).not.toMatch(/library\/debian/);
    const missing = await peapod.command(['image', 'pull', 'no/such/image']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^peapod: docker\.io\/no\/such\/image:latest could not be pulled: .+\n$/);
  });

  test('a file that is no image archive is refused by name', async () => {
    const refused = await peapod.command(['image', 'load', join(repository, 'README.md')]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('README.md');
  });
});
