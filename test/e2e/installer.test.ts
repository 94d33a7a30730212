// The installer on a bare Debian 12: a freshly debootstrapped root with nothing but Node 20 and npm, in its own mount and PID
// namespaces, from a fresh clone. Long suite only: it downloads a whole base system.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noContainers, repository } from '../support/peapod.ts';
import { run } from '../support/run.ts';

const skipped = noContainers ?? (process.env['PEAPOD_LONG'] === '1' ? undefined : 'long suite only');

describe.skipIf(skipped)(`installer in a bare Debian root${skipped ? ` (skipped: ${skipped})` : ''}`, () => {
  let root = '';
  beforeAll(async () => {
    const tools = await run(
      ['sh', '-c', 'command -v debootstrap >/dev/null || apt-get install -y -q --no-install-recommends debootstrap'],
      { timeoutMs: 300_000 },
    );
    expect(tools.code, tools.stderr).toBe(0);
    root = mkdtempSync(join(tmpdir(), 'peapod-bare-'));
    const made = await run(['debootstrap', '--variant=minbase', '--include=ca-certificates', 'bookworm', root], {
      timeoutMs: 900_000,
    });
    expect(made.code, made.stdout.slice(-2000)).toBe(0);
    // Node 20 with npm as a machine would have it: the system's own, copied.
    const node = realpathSync((await run(['sh', '-c', 'PATH=/usr/local/bin:/usr/bin command -v node'])).stdout.trim());
    cpSync(node, join(root, 'usr/bin/node'));
    const npm = dirname(
      dirname(realpathSync((await run(['sh', '-c', 'PATH=/usr/local/bin:/usr/bin command -v npm'])).stdout.trim())),
    );
    cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true });
    writeFileSync(join(root, 'usr/bin/npm'), '#!/bin/sh\nexec node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n', {
      mode: 0o755,
    });
    const libraries = (await run(['ldd', node])).stdout.matchAll(/=> (\/\S+)/g);
    for (const [, path = ''] of libraries) {
      if (existsSync(join(root, path))) continue;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      cpSync(realpathSync(path), join(root, path));
    }
    cpSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'), { dereference: true });
    for (const file of ['.npmrc', '.config/pip/pip.conf'])
      if (existsSync(join('/root', file))) cpSync(join('/root', file), join(root, 'root', file), { recursive: true });
    for (const file of [
      '/etc/npmrc',
      '/etc/apt/apt.conf.d',
      '/etc/apt/sources.list',
      '/etc/apt/sources.list.d',
      '/etc/apt/auth.conf.d',
      '/etc/ssl/certs',
      '/usr/local/share/ca-certificates',
    ])
      if (existsSync(file)) cpSync(file, join(root, file), { recursive: true, dereference: true, force: true });
    const cloned = await run(['git', 'clone', '--quiet', repository, join(root, 'root/peapod')]);
    expect(cloned.code, cloned.stderr).toBe(0);
    cpSync(join(repository, 'fixtures/images'), join(root, 'root/images'), { recursive: true });
  }, 1_300_000);
  afterAll(() => {
    if (root) rmSync(root, { recursive: true, force: true });
  });

  test('./peapod up installs everything, says what and why, and runs a pod', async () => {
    const script = `
set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
cat > "$1/root/try.sh" <<'TRY'
export HOME=/root LANG=C
cd /root/peapod
./peapod up --detach --port 0 --data-dir /root/state
./peapod image load --data-dir /root/state /root/images/*.tar
./peapod kubectl --data-dir /root/state apply -f examples/nginx.yaml
./peapod kubectl --data-dir /root/state wait --for=condition=Ready pod/nginx --timeout=60s
./peapod kubectl --data-dir /root/state exec nginx -- hostname
code=$?
./peapod reset --yes --data-dir /root/state
exit $code
TRY
exec chroot "$1" /bin/sh -e /root/try.sh
`;
    const result = await run(
      [
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--propagation',
        'private',
        '--',
        'sh',
        '-c',
        script,
        'sh',
        root,
      ],
      { timeoutMs: 900_000 },
    );
    expect(result.code, `${result.stdout}\n${result.stderr}`).toBe(0);
    const said = result.stdout + result.stderr;
    expect(said).toMatch(/installing npm packages/);
    expect(said).toMatch(/installing containerd: it runs the containers/);
    expect(said).toMatch(/pod\/nginx condition met\nnginx\n/);
    expect(readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8')).toMatch(/Package: containerd\n/);
  }, 1_000_000);
});
