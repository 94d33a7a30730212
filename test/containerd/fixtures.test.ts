// Runs every fixture image on a real containerd: they must do what the examples expect of the images they stand in for.
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerConfig, SandboxConfig } from '../../src/cri/runtime.ts';
import { openCgroups } from '../../src/host/cgroups.ts';
import { startTestNode, type TestNode, whyNoContainers } from './harness.ts';

const tars = ['busybox', 'debian', 'nginx', 'nginx-1.14.2', 'sample', 'tomcat', 'config-reloader'];
const missing = tars.filter((name) => !existsSync(`fixtures/images/${name}.tar`));
const reason =
  (await whyNoContainers()) ?? (missing.length > 0 ? `no ${missing.join(', ')}: run \`npm run fixtures\`` : undefined);
if (reason) console.warn(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('fixture images', () => {
  let node: TestNode;
  beforeAll(async () => {
    node = await startTestNode('10.145.7.0/24');
    for (const name of tars) await node.images.load(`fixtures/images/${name}.tar`);
  });
  afterAll(() => node?.cleanUp());

  interface Running {
    ip: string;
    container: string;
    log: () => Promise<string>;
    exec(...argv: string[]): Promise<string>;
    remove(): Promise<void>;
  }
  let count = 0;
  const run = async (image: string, more: Partial<ContainerConfig> = {}): Promise<Running> => {
    const { runtime } = node.connection;
    const name = `p${++count}`;
    const config: SandboxConfig = {
      metadata: { name, uid: name, namespace: 'default', attempt: 0 },
      hostname: name,
      logDirectory: `${node.instance.podLogsDir}/${name}`,
      linux: {
        cgroupParent: `${node.instance.cgroupRoot}/${name}`,
        securityContext: { namespaceOptions: { pid: 'container' } },
      },
    };
    await mkdir(config.logDirectory!, { recursive: true });
    await (await openCgroups())!.create(config.linux!.cgroupParent!);
    const sandbox = await runtime.runPodSandbox(config);
    const container = await runtime.createContainer(
      sandbox,
      { metadata: { name: 'main', attempt: 0 }, image: { image }, logPath: 'main.log', ...more },
      config,
    );
    await runtime.startContainer(container);
    return {
      ip: (await runtime.podSandboxStatus(sandbox)).ips[0]!,
      container,
      log: () => readFile(`${config.logDirectory}/main.log`, 'utf8').catch(() => ''),
      exec: async (...argv) => (await runtime.execSync(container, argv, 10)).stdout.toString(),
      async remove() {
        await runtime.stopPodSandbox(sandbox);
        await runtime.removePodSandbox(sandbox);
      },
    };
  };
  const page = async (url: string): Promise<string> => {
    let text = '';
    await expect
      .poll(
        async () =>
          (text = await fetch(url).then(
            (r) => r.text(),
            () => '',
          )),
        { timeout: 10_000 },
      )
      .not.toBe('');
    return text;
  };

  test.each(['nginx', 'nginx:1.14.2'])('%s serves its page, logs it, and quits on request', async (image) => {
    const pod = await run(image);
    expect(await page(`http://${pod.ip}/`)).toContain('Welcome to nginx!');
    await expect.poll(pod.log).toContain('"GET / HTTP/1.1" 200');
    expect(await pod.exec('/bin/sh', '-c', 'echo new > /usr/share/nginx/html/index.html; echo $NGINX_VERSION')).toMatch(
      /^1\./,
    );
    expect(await page(`http://${pod.ip}/`)).toBe('new\n');
    await pod.exec('/usr/sbin/nginx', '-s', 'quit');
    await expect
      .poll(async () => (await node.connection.runtime.containerStatus(pod.container)).state, { timeout: 10_000 })
      .toBe('exited');
    expect((await node.connection.runtime.containerStatus(pod.container)).exitCode).toBe(0);
    await pod.remove();
  });

  test('nginx cannot start as user 1000, nor on a read-only root', async () => {
    for (const securityContext of [{ runAsUser: 1000, runAsGroup: 3000 }, { readonlyRootfs: true }]) {
      const pod = await run('nginx', { linux: { securityContext } });
      await expect
        .poll(async () => (await node.connection.runtime.containerStatus(pod.container)).exitCode, { timeout: 10_000 })
        .toBe(1);
      expect(await pod.log()).toMatch(/\[emerg\].*(Permission denied|Read-only file system)/);
      await pod.remove();
    }
  });

  test('debian has a shell, the usual commands, ps and tar', async () => {
    const pod = await run('debian', { command: ['/bin/sh', '-c', 'sleep 1000'] });
    expect(
      await pod.exec('bash', '-c', 'cat /etc/os-release | grep ^ID= && ps ax && tar --version && ls /usr/bin | wc -l'),
    ).toMatch(/ID=debian[\s\S]*sleep 1000[\s\S]*tar \(GNU tar\)/);
    expect(await pod.exec('id', '-un')).toBe('root\n');
    await pod.remove();
  });

  test('busybox runs its command by entrypoint and arguments', async () => {
    const pod = await run('k8s.gcr.io/busybox', { args: ['/bin/sh', '-c', 'touch /tmp/healthy; sleep 1000'] });
    expect(await pod.exec('ls', '/tmp/healthy')).toBe('/tmp/healthy\n');
    await pod.remove();
  });

  test('the WAR of the sample image is served by the application server', async () => {
    const webapps = `${node.instance.podsDir}/app-volume`;
    await mkdir(webapps, { recursive: true });
    const home = '/root/apache-tomcat-7.0.42-v2';
    const init = await run('geektime/sample:v2', {
      command: ['cp', '/sample.war', '/app'],
      mounts: [{ containerPath: '/app', hostPath: webapps }],
    });
    await expect
      .poll(async () => (await node.connection.runtime.containerStatus(init.container)).reason, { timeout: 10_000 })
      .toBe('Completed');
    const server = await run('geektime/tomcat:7.0', {
      command: ['sh', '-c', `${home}/bin/start.sh`],
      mounts: [{ containerPath: `${home}/webapps`, hostPath: webapps }],
    });
    expect(await page(`http://${server.ip}:8080/sample/`)).toContain('sample.war');
    await init.remove();
    await server.remove();
  });

  test('the config reloader tells of a change', async () => {
    const conf = `${node.instance.podsDir}/conf`;
    await mkdir(conf, { recursive: true });
    const pod = await run('config-reloader:1.2.3', { mounts: [{ containerPath: '/opt/nginx/conf', hostPath: conf }] });
    await expect.poll(pod.log).toContain('watching');
    await pod.exec('sh', '-c', 'echo x > /opt/nginx/conf/new');
    await expect.poll(pod.log, { timeout: 10_000 }).toContain('configuration changed');
    await pod.remove();
  });
});
