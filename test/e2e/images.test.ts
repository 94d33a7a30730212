// Images: loaded from archives, imported at start, pulled through a mirror, listed and removed.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, repository, startPeapod } from '../support/peapod.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const fixtures = join(repository, 'fixtures/images');

describe.skipIf(noContainers)(`images${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let registry: Registry;
  let closed: Registry;
  let peapod: Peapod;
  beforeAll(async () => {
    registry = await startRegistry(fixtures);
    closed = await startRegistry(fixtures, { user: 'me', password: 'pa:ss' });
    const dataDir = mkdtempSync(join(tmpdir(), 'peapod-test-'));
    mkdirSync(join(dataDir, 'images'));
    const busybox = readdirSync(fixtures).find((name) => name.includes('busybox'));
    copyFileSync(join(fixtures, busybox ?? ''), join(dataDir, 'images', 'first.tar'));
    peapod = await startPeapod({ dataDir, images: false, args: ['--registry-mirror', `docker.io=${registry.url}`] });
  });
  afterAll(async () => {
    await peapod?.dispose();
    await registry?.close();
    await closed?.close();
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

  test('the pull secrets of a service account open a registry for its pods, and for no others', async () => {
    const image = `${new URL(closed.url).host}/geektime/sample:v2`;
    const run = async (namespace: string, name: string, policy: string): Promise<void> =>
      void (await peapod.kubectl(['-n', namespace, 'run', name, `--image=${image}`, `--image-pull-policy=${policy}`]));
    const reason = 'jsonpath={.status.containerStatuses[0].state.waiting.reason}';
    const waiting = (namespace: string, name: string): Promise<string> =>
      peapod.kubectl(['-n', namespace, 'get', 'pod', name, '-o', reason]);
    await peapod.kubectl(['create', 'namespace', 'other']);
    await run('default', 'early', 'IfNotPresent');
    await eventually('a pull without a secret fails', async () => /ImagePull/.test(await waiting('default', 'early')));
    const credentials = [`--docker-server=${closed.url}`, '--docker-username=me', '--docker-password=pa:ss'];
    await peapod.kubectl(['create', 'secret', 'docker-registry', 'cred', ...credentials]);
    await peapod.kubectl(['patch', 'serviceaccount', 'default', '-p', '{"imagePullSecrets": [{"name": "cred"}]}']);
    await run('default', 'mine', 'IfNotPresent');
    const pulled = /Successfully pulled image/;
    await eventually('it is pulled', async () => pulled.test(await peapod.kubectl(['describe', 'pod', 'mine'])));
    await run('default', 'again', 'IfNotPresent');
    await run('other', 'theirs', 'IfNotPresent');
    await run('other', 'never', 'Never');
    await eventually('who has the secret may use what is there', async () =>
      /already present on machine and can be accessed by the pod/.test(
        await peapod.kubectl(['describe', 'pod', 'again']),
      ),
    );
    await eventually('who has none may not', async () => /ImagePull/.test(await waiting('other', 'theirs')));
    await eventually('also not without a pull', async () => (await waiting('other', 'never')) === 'ErrImageNeverPull');
    await peapod.kubectl(['delete', 'namespace', 'other', '--wait=false']);
    await peapod.kubectl(['delete', 'pod', 'early', 'mine', 'again', '--now']);
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
