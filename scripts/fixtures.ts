// Builds the images that examples and tests use from Debian's packages, as importable tars in fixtures/images/: `npm run fixtures [NAME…]`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { entriesOfFolder, type ImageConfig, ociImageTar } from '../src/host/oci-image.ts';
import type { TarEntry } from '../src/host/tar.ts';

const cacheDir = '.cache/fixtures';
const outDir = 'fixtures/images';
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

// The smallest Debian in which sh, the usual commands, ps and tar (for `kubectl cp`) work. apt and dpkg are not in it.
const debianPackages =
  `base-files base-passwd bash coreutils dash findutils grep gzip hostname libacl1 libattr1 libc6 libc-bin
  libgcc-s1 libgmp10 libpcre2-8-0 libselinux1 libtinfo6 netbase sed tar procps libproc2-0 libncursesw6 libsystemd0 libcap2
  libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1`.split(/\s+/);
const nginxPackages = ['nginx', 'nginx-common', 'libcrypt1', 'libssl3', 'zlib1g'];
// Documentation, translations and character set tables are most of the size and none of the use.
const unwanted =
  /^usr\/(share\/(doc|man|locale|info|lintian|bug|menu|doc-base|perl5|bash-completion|zoneinfo)|lib\/[^/]*\/gconv)(\/|$)/;

const run = (command: string, args: string[], cwd?: string): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...(cwd ? { cwd } : {}) });

const architecture = run('dpkg', ['--print-architecture']).trim();

/** Downloads a package once (apt checks its signature chain) and gives the .deb's path. */
function download(name: string): string {
  const find = (): string | undefined =>
    readdirSync(cacheDir).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  if (find() === undefined) {
    const part = mkdtempSync(`${cacheDir}/part-`);
    const get = (): string => run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], part);
    try {
      try {
        get();
      } catch {
        run('apt-get', ['update']);
        get();
      }
      for (const file of readdirSync(part)) renameSync(`${part}/${file}`, `${cacheDir}/${file}`);
    } finally {
      rmSync(part, { recursive: true, force: true });
    }
  }
  const found = find();
  if (found === undefined) throw new Error(`apt-get download ${name} left no package behind`);
  return `${cacheDir}/${found}`;
}

/** The files of the packages, one above the other, without what nobody uses. */
async function filesOf(packages: readonly string[]): Promise<TarEntry[]> {
  const root = mkdtempSync(`${cacheDir}/root-`);
  try {
    for (const name of packages) run('dpkg-deb', ['-x', download(name), root]);
    return (await entriesOfFolder(root)).filter((entry) => !unwanted.test(entry.path));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const file = (name: string, text: string, mode = 0o644): TarEntry => ({
  kind: 'file',
  path: name,
  mode,
  data: Buffer.from(text),
});
const folder = (name: string, mode = 0o755): TarEntry => ({ kind: 'directory', path: name, mode });
const link = (name: string, target: string): TarEntry => ({ kind: 'symlink', path: name, target });
const commonFolders = [
  folder('tmp', 0o1777),
  folder('root', 0o700),
  folder('run'),
  folder('var/tmp', 0o1777),
  folder('home'),
];

async function busyboxFiles(): Promise<TarEntry[]> {
  const all = await filesOf(['busybox-static']);
  const program = all.find((entry) => entry.path === 'bin/busybox' || entry.path === 'usr/bin/busybox');
  if (program?.kind !== 'file') throw new Error('no busybox in busybox-static');
  const binary = `${cacheDir}/busybox`;
  writeFileSync(binary, program.data, { mode: 0o755 });
  const applets = run(binary, ['--list']).trim().split('\n');
  return [
    ...commonFolders,
    { ...program, path: 'bin/busybox' },
    ...applets.filter((name) => name !== 'busybox').map((name) => link(`bin/${name}`, 'busybox')),
    link('usr/bin/env', '/bin/busybox'),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n'),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    file('etc/shadow', 'root:*:::::::\n', 0o600),
  ];
}

async function debianFiles(): Promise<TarEntry[]> {
  const all = await filesOf(debianPackages);
  const master = (name: string): TarEntry => {
    const found = all.find((entry) => entry.path === `usr/share/base-passwd/${name}.master`);
    if (found?.kind !== 'file') throw new Error(`no ${name}.master in base-passwd`);
    return { ...found, path: `etc/${name}` };
  };
  return [...all, ...commonFolders, link('bin/sh', 'dash'), master('passwd'), master('group')];
}

const nginxConf = `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /var/run/nginx.pid;
events {
  worker_connections 1024;
}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  client_body_temp_path /var/cache/nginx/client_temp;
  proxy_temp_path /var/cache/nginx/proxy_temp;
  fastcgi_temp_path /var/cache/nginx/fastcgi_temp;
  uwsgi_temp_path /var/cache/nginx/uwsgi_temp;
  scgi_temp_path /var/cache/nginx/scgi_temp;
  access_log /var/log/nginx/access.log;
  sendfile on;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
`;
const nginxServer = `server {
  listen 80;
  server_name localhost;
  location / {
    root /usr/share/nginx/html;
    index index.html index.htm;
  }
}
`;

async function nginxFiles(): Promise<TarEntry[]> {
  const debian = await debianFiles();
  const kept = (await filesOf(nginxPackages)).filter(
    ({ path: name }) =>
      !/^(etc\/(default|init\.d|logrotate\.d|ufw|nginx\/(sites|modules|snippets|conf\.d|nginx\.conf))|lib\/systemd|var)/.test(
        name,
      ),
  );
  const withUser = (entry: TarEntry): TarEntry => {
    if (entry.kind !== 'file') return entry;
    const line = { 'etc/passwd': 'nginx:x:101:101:nginx:/nonexistent:/bin/false\n', 'etc/group': 'nginx:x:101:\n' }[
      entry.path
    ];
    return line === undefined ? entry : { ...entry, data: Buffer.concat([entry.data, Buffer.from(line)]) };
  };
  return [
    ...debian.map(withUser),
    ...kept,
    file('etc/nginx/nginx.conf', nginxConf),
    file('etc/nginx/conf.d/default.conf', nginxServer),
    folder('var/cache/nginx'),
    // The log files are the container's own output.
    link('var/log/nginx/access.log', '/dev/stdout'),
    link('var/log/nginx/error.log', '/dev/stderr'),
    link('var/run', '/run'),
  ];
}

const samplePage = '<html><body><h1>Sample</h1><p>This page came out of sample.war.</p></body></html>\n';
function sampleWar(): Buffer {
  const mtime = new Date(1980, 0, 1);
  return Buffer.from(
    zipSync({
      'index.html': [Buffer.from(samplePage), { mtime }],
      'WEB-INF/web.xml': [Buffer.from('<web-app/>\n'), { mtime }],
    }),
  );
}

const tomcatHome = 'root/apache-tomcat-7.0.42-v2';
const tomcatStart = `#!/bin/sh
# Stands in for the application server: unpacks every WAR and serves it under its name on port 8080.
mkdir -p /srv/www
for war in /${tomcatHome}/webapps/*.war; do
  [ -e "$war" ] || continue
  name=$(basename "$war" .war)
  mkdir -p "/srv/www/$name"
  unzip -q -o "$war" -d "/srv/www/$name"
  echo "deployed $war"
done
echo 'listening on port 8080'
exec httpd -f -p 8080 -h /srv/www
`;
const reloader = `#!/bin/sh
# Watches the configuration beside nginx and tells when it changes.
sum() { cat /opt/nginx/conf/* 2>/dev/null | md5sum; }
last=$(sum)
echo 'watching /opt/nginx/conf'
trap 'exit 0' TERM INT
while :; do
  sleep 1 &
  wait $!
  now=$(sum)
  [ "$now" = "$last" ] || echo 'configuration changed: reloaded'
  last=$now
done
`;

interface Fixture {
  names: string[];
  config: ImageConfig;
  files: () => Promise<TarEntry[]>;
}

const nginxFixture = (tag: string, version: string): Fixture => ({
  names: [`docker.io/library/nginx:${tag}`],
  config: {
    Env: [path, `NGINX_VERSION=${version}`],
    Cmd: ['nginx', '-g', 'daemon off;'],
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGQUIT',
  },
  files: nginxFiles,
});

const fixtures: Record<string, Fixture> = {
  busybox: {
    names: ['docker.io/library/busybox:latest', 'docker.io/library/busybox:1.28', 'k8s.gcr.io/busybox:latest'],
    config: { Env: [path], Cmd: ['sh'] },
    files: busyboxFiles,
  },
  debian: { names: ['docker.io/library/debian:latest'], config: { Env: [path], Cmd: ['bash'] }, files: debianFiles },
  nginx: nginxFixture('latest', '1.22.1'),
  'nginx-1.14.2': nginxFixture('1.14.2', '1.14.2'),
  sample: {
    names: ['docker.io/geektime/sample:v2'],
    config: { Env: [path], Cmd: ['sh'] },
    files: async () => [
      ...(await busyboxFiles()),
      { kind: 'file', path: 'sample.war', mode: 0o644, data: sampleWar() },
    ],
  },
  tomcat: {
    names: ['docker.io/geektime/tomcat:7.0'],
    config: { Env: [path], Cmd: ['sh'], ExposedPorts: { '8080/tcp': {} } },
    files: async () => [
      ...(await busyboxFiles()),
      folder(`${tomcatHome}/webapps`),
      file(`${tomcatHome}/bin/start.sh`, tomcatStart, 0o755),
    ],
  },
  'config-reloader': {
    names: ['docker.io/library/config-reloader:1.2.3'],
    config: { Env: [path], Cmd: ['/reload.sh'] },
    files: async () => [...(await busyboxFiles()), file('reload.sh', reloader, 0o755)],
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in fixtures));
if (unknown.length > 0)
  throw new Error(`no such fixture: ${unknown.join(', ')} (there are ${Object.keys(fixtures).join(', ')})`);
mkdirSync(cacheDir, { recursive: true });
mkdirSync(outDir, { recursive: true });
for (const [name, { names, config, files }] of Object.entries(fixtures)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = performance.now();
  const tar = ociImageTar({ names, architecture, config, entries: await files() });
  writeFileSync(`${outDir}/${name}.tar`, tar);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${outDir}/${name}.tar  ${(tar.length / 1e6).toFixed(1)} MB  ${names.join(', ')}  (${seconds} s)`);
}
