// Volumes as a process inside a container sees them, on a real containerd, and what hostile ones try with them.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Pod } from '../../src/api/generated/types.ts';
import { hostFiles } from '../../src/host/files.ts';
import { createHostMounts, listMounts } from '../../src/host/mounts.ts';
import { hostProcesses, must } from '../../src/host/processes.ts';
import { createHostSubPaths } from '../../src/host/sub-paths.ts';
import { readTerminationMessage } from '../../src/kubelet/container-config/termination-message.ts';
import { eventually } from '../support/eventually.ts';
import { layeredImageTar } from '../support/layered-image.ts';
import { whyNoContainers } from './harness.ts';
import { busybox, type PodNode, podOf, sleeper, startPodNode } from './pods.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);
const attackMs = process.env['PEAPOD_LONG'] === '1' ? 30_000 : 1500;

describe.skipIf(reason !== undefined)('volumes', () => {
  let pods: PodNode;
  let sh: PodNode['sh'];
  const mounts = createHostMounts();

  beforeAll(async () => {
    pods = await startPodNode('10.142.10.0/24');
    ({ sh } = pods);
  });
  afterAll(() => pods?.cleanUp());

  const mountsOf = async (uid: string): Promise<string[]> =>
    (await listMounts()).map(({ mountPoint }) => mountPoint).filter((point) => point.includes(uid));
  const snapshots = async (): Promise<string> => {
    const argv = ['ctr', '--address', pods.node.instance.containerdSocket, '--namespace', 'k8s.io', 'snapshots'];
    const { stdout } = await hostProcesses.run([...argv, 'list']);
    return stdout;
  };

  describe('of images', () => {
    const flat = 'docker.io/library/flat:1';
    const tall = 'docker.io/library/tall:1';
    const layers = Array.from({ length: 60 }, (_, i) => ({ 'top/last': `${i}`, [`each/${i}`]: `${i}` }));
    const pull = async (name: string): Promise<string> => (await pods.node.connection.images.imageStatus(name))!.id;

    beforeAll(async () => {
      await pods.node.images.loadTar(
        layeredImageTar(flat, [{ 'bin/run': '#!/bin/sh\necho ran\n', 'dir/file': 'flat' }]),
      );
      await pods.node.images.loadTar(layeredImageTar(tall, layers));
    });

    test('are there read-only and cannot be executed, whole or by a subPath, and go with their pod', async () => {
      const container: Container = {
        ...sleeper,
        name: 'app',
        volumeMounts: [
          { name: 'flat', mountPath: '/flat' },
          { name: 'tall', mountPath: '/tall' },
          { name: 'tall', mountPath: '/part', subPath: 'each' },
        ],
      };
      const pod = podOf('images', {
        containers: [container],
        volumes: [
          { name: 'flat', image: { reference: flat } },
          { name: 'tall', image: { reference: tall } },
        ],
      });
      const { run, stop } = await pods.startPod(pod);
      const images = new Map([
        ['flat', await pull(flat)],
        ['tall', await pull(tall)],
      ]);
      const id = await run(container, 0, images);
      expect(await sh(id, 'cat /flat/dir/file /tall/top/last; ls /tall/each | wc -l; ls /part | wc -l')).toBe(
        'flat5960\n60',
      );
      expect(await sh(id, 'for d in /flat /tall /part; do touch $d/x; done 2>&1 | grep -c Read-only')).toBe('3');
      expect(await sh(id, '/flat/bin/run')).toContain('Permission denied');
      const flags = await sh(id, "awk '$2 ~ /^.(flat|tall|part)$/ {print $4}' /proc/mounts");
      for (const options of flags.split('\n')) {
        const set = options.split(',');
        expect(set).toEqual(expect.arrayContaining(['ro', 'noexec', 'nosuid', 'nodev']));
      }
      expect(flags.split('\n')).toHaveLength(3);
      // The image goes, what shows it stays.
      await pods.node.images.remove(tall);
      await run(container, 1, images).catch(() => {});
      expect(await sh(id, 'cat /tall/each/0 /tall/each/59')).toBe('059');
      expect(await snapshots()).toContain('peapod-volume/uid-images');
      await stop();
      expect(await snapshots()).not.toContain('peapod-volume');
      expect(await mountsOf('uid-images')).toEqual([]);
      expect(await pods.volumes.listPodsOnDisk()).toEqual([]);
    });

    test('that are not present fail the container by name', async () => {
      const container: Container = { ...sleeper, name: 'app', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
      const pod = podOf('no-image', { containers: [container], volumes: [{ name: 'v', image: { reference: 'x' } }] });
      const { run, stop } = await pods.startPod(pod);
      await expect(run(container)).rejects.toThrow('the image of volume "v" is not present');
      await expect(run(container, 0, new Map([['v', `sha256:${'0'.repeat(64)}`]]))).rejects.toThrow('is not present');
      await stop();
    });
  });

  test('in memory are bounded by their limit, the pod and the node; on disk they last as long as the pod', async () => {
    const volumeMounts = ['disk', 'own', 'limited'].map((name) => ({ name, mountPath: `/${name}` }));
    const resources = { limits: { memory: '48Mi' }, requests: { memory: '48Mi' } };
    const container: Container = { ...sleeper, name: 'app', resources, volumeMounts };
    const pod = podOf('medium', {
      containers: [container],
      volumes: [
        { name: 'disk', emptyDir: {} },
        { name: 'own', emptyDir: { medium: 'Memory', sizeLimit: '2Mi' } },
        { name: 'limited', emptyDir: { medium: 'Memory' } },
      ],
    });
    const { run, stop } = await pods.startPod(pod);
    const id = await run(container);
    expect(await sh(id, 'awk \'$3 == "tmpfs" && $2 ~ /own|limited/ {print $2, $4}\' /proc/mounts')).toMatch(
      /^\/own .*size=2048k.*\n\/limited .*size=49152k/,
    );
    expect(await sh(id, 'dd if=/dev/zero of=/own/big bs=1M count=3 2>&1 | grep -c "No space left"')).toBe('1');
    expect(await sh(id, 'stat -c "%a %u %g" /disk /own /limited')).toBe('777 0 0\n777 0 0\n777 0 0');
    await sh(id, 'echo kept > /disk/f; echo kept > /limited/f');
    await pods.node.connection.runtime.stopContainer(id, 0);
    expect(await sh(await run(container, 1), 'cat /disk/f /limited/f')).toBe('kept\nkept');
    await stop();
    expect(await mountsOf('uid-medium')).toEqual([]);
  });

  test('give huge pages where the kernel has them', async () => {
    const supported = existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB');
    const resources = { limits: { 'hugepages-2Mi': '2Mi' }, requests: { 'hugepages-2Mi': '2Mi' } };
    const container: Container = { ...sleeper, name: 'app', resources, volumeMounts: [{ name: 'h', mountPath: '/h' }] };
    const pod = podOf('huge', { containers: [container], volumes: [{ name: 'h', emptyDir: { medium: 'HugePages' } }] });
    const result = await pods.volumes.prepare(pod);
    expect(result.ok).toBe(supported);
    if (supported) {
      const [mount] = (await listMounts()).filter(({ mountPoint }) => mountPoint.includes('uid-huge'));
      expect(mount).toMatchObject({ fsType: 'hugetlbfs' });
    }
    await pods.volumes.teardown('uid-huge');
    expect(await mountsOf('uid-huge')).toEqual([]);
  });

  test('carry mounts both ways, one way, or not, and what a container mounted goes with the pod', async () => {
    const mounting = (name: string, mountPropagation?: 'None' | 'HostToContainer' | 'Bidirectional'): Container => ({
      ...sleeper,
      name,
      securityContext: { privileged: mountPropagation === 'Bidirectional' },
      volumeMounts: [{ name: 'v', mountPath: '/v', ...(mountPropagation ? { mountPropagation } : {}) }],
    });
    const [maker, seer, none, unset] = [
      mounting('maker', 'Bidirectional'),
      mounting('seer', 'HostToContainer'),
      mounting('none', 'None'),
      mounting('unset'),
    ];
    const containers = [maker, seer, none, unset];
    const {
      run,
      stop,
      mounts: paths,
    } = await pods.startPod(podOf('spreads', { containers, volumes: [{ name: 'v', emptyDir: {} }] }));
    const ids = await Promise.all(containers.map((container) => run(container)));
    await sh(ids[0]!, 'mkdir /v/in && mount -t tmpfs made /v/in && echo made > /v/in/f');
    expect(await Promise.all(ids.map((id) => sh(id, 'cat /v/in/f 2>&1 || true')))).toEqual([
      'made',
      'made',
      expect.stringContaining('No such file'),
      expect.stringContaining('No such file'),
    ]);
    expect(readFileSync(`${paths.get('v')}/in/f`, 'utf8')).toBe('made\n');
    // Not the other way round: what one that only receives mounts stays its own. (It may not mount; the host does it for it.)
    await stop();
    expect(await mountsOf('uid-spreads')).toEqual([]);
    expect(await pods.volumes.listPodsOnDisk()).toEqual([]);
  });

  test('are removed however deep a container nested them, and nothing that its links point at', async () => {
    const precious = `${pods.node.instance.dataDir}/precious`;
    mkdirSync(precious);
    writeFileSync(`${precious}/file`, 'x');
    const container: Container = { ...sleeper, name: 'app', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    const { run, stop } = await pods.startPod(
      podOf('deep', { containers: [container], volumes: [{ name: 'v', emptyDir: {} }] }),
    );
    const id = await run(container);
    const nest = `cd /v; i=0; while [ $i -lt 400 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done; ln -s ${precious} out; ln -s / root; mkfifo pipe; mkdir locked; chmod 0 locked; echo done`;
    expect(await sh(id, nest)).toBe('done');
    await stop();
    expect(await pods.volumes.listPodsOnDisk()).toEqual([]);
    expect(readdirSync(precious)).toEqual(['file']);
  });

  test('a termination message in a strange place: told where it can be, and never of the host', async () => {
    const precious = `${pods.node.instance.dataDir}/precious-message`;
    writeFileSync(precious, 'of the host');
    const ending = (name: string, terminationMessagePath: string): Container => ({
      name,
      image: busybox,
      command: ['sh', '-c', `echo -n bye > ${terminationMessagePath.replace(/^(?!\/)/, '/')}; exit 3`],
      terminationMessagePath,
      terminationMessagePolicy: 'File',
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    });
    const cases: [Container, string | RegExp][] = [
      [ending('relative', 'some/message'), 'bye'],
      [ending('linked', '/v/link'), 'bye'],
      [ending('device', '/dev/null'), 'bye'],
      [ending('folder', '/etc'), /not a directory|Are you trying to mount a directory/],
    ];
    const {
      run,
      stop,
      mounts: paths,
    } = await pods.startPod(
      podOf('last-words', {
        containers: cases.map(([container]) => container),
        volumes: [{ name: 'v', emptyDir: {} }],
      }),
    );
    symlinkSync(precious, `${paths.get('v')}/link`);
    for (const [container, expected] of cases) {
      if (typeof expected !== 'string') {
        await expect(run(container)).rejects.toThrow(expected);
        continue;
      }
      const id = await run(container);
      const status = await eventually(`${container.name} ended`, async () => {
        const found = await pods.node.connection.runtime.containerStatus(id);
        return found.state === 'exited' ? found : undefined;
      });
      const { terminationMessagePath = '', terminationMessagePolicy = '' } = container;
      const message = await readTerminationMessage(hostFiles, {
        status,
        terminationMessagePath,
        terminationMessagePolicy,
      });
      expect(`${container.name}: ${message}`).toBe(`${container.name}: ${expected}`);
    }
    await stop();
    expect(readFileSync(precious, 'utf8')).toBe('of the host');
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  describe('by a subPath', () => {
    /** Swaps what the subPath leads through, as fast as a shell can. */
    const swapping = `
      cd /v; mkdir -p real/sub; echo inside > real/sub/file
      while :; do
        rm -f x; ln -s / x; rm -f x; ln -s real x; rm -f x; mkdir -p x/sub; mv x/sub x/moved; ln -s /etc x/sub
        rm -f x/sub; ln -s ../../../../../../../.. x/sub; rm -rf x; mv real r; ln -s / real; rm real; mv r real
      done`;
    const swapper: Container = {
      name: 'swapper',
      image: busybox,
      command: ['sh', '-c', swapping],
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    };
    const victim = (name: string, subPath: string): Container => ({
      ...sleeper,
      name,
      volumeMounts: [{ name: 'v', mountPath: '/out', subPath }],
    });
    // A link named etc comes about where the one to it meets a folder.
    const names = new Set(['file', 'sub', 'moved', 'x', 'real', 'r', 'etc']);
    const strangers = (listing: readonly string[]): string[] => listing.filter((name) => !names.has(name));

    test('nothing outside of the volume is ever shown while another container swaps links and folders', async () => {
      const containers = [swapper, victim('a', 'x/sub'), victim('b', 'x'), victim('c', 'real/sub')];
      const {
        run,
        stop,
        mounts: paths,
      } = await pods.startPod(podOf('attacked', { containers, volumes: [{ name: 'v', emptyDir: {} }] }));
      await run(swapper);
      const volume = paths.get('v')!;
      const subPaths = createHostSubPaths();
      const target = `${pods.node.instance.podsDir}/attack-target`;
      const shown: string[] = [];
      let bound = 0;
      let refused = 0;
      const end = performance.now() + attackMs;
      // The kubelet's own step, in a tight loop …
      for (let i = 0; performance.now() < end; i++) {
        try {
          await subPaths.bind(volume, ['x/sub', 'x', 'real/sub', 'real', 'x/sub/made'][i % 5]!, target);
          bound++;
          if (lstatSync(target).isDirectory()) shown.push(...readdirSync(target));
        } catch {
          refused++;
        }
        for (const point of await mounts.listUnder(target)) await mounts.unmount(point);
      }
      // … and whole containers, restarted over and over.
      const wholeEnd = performance.now() + attackMs;
      for (let i = 0; performance.now() < wholeEnd; i++) {
        const id = await run(containers[1 + (i % 3)]!, i).catch(() => undefined);
        if (id === undefined) continue;
        shown.push(...(await sh(id, 'ls -A /out')).split('\n').filter((name) => name !== ''));
        await pods.node.connection.runtime.stopContainer(id, 0);
      }
      await stop();
      expect(strangers(shown.filter((name) => name !== 'made'))).toEqual([]);
      expect(bound).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
      expect(existsSync('/made') || existsSync('/etc/made') || existsSync('/sub')).toBe(false);
      expect(await mountsOf('uid-attacked')).toEqual([]);
      await must(hostProcesses, ['rm', '-rf', '--one-file-system', target]);
      expect(await pods.volumes.listPodsOnDisk()).toEqual([]);
    });

    test('folders are made with the mode and group of the volume; files and read-only work; restarts leave one mount each', async () => {
      const container: Container = {
        ...sleeper,
        name: 'app',
        env: [{ name: 'WHO', value: 'me' }],
        volumeMounts: [
          { name: 'v', mountPath: '/whole' },
          { name: 'v', mountPath: '/new', subPath: 'a/b' },
          { name: 'v', mountPath: '/mine', subPathExpr: 'of-$(WHO)' },
          { name: 'v', mountPath: '/ro', subPath: 'a', readOnly: true },
        ],
      };
      const reader: Container = {
        ...sleeper,
        name: 'reader',
        volumeMounts: [{ name: 'v', mountPath: '/etc/one.conf', subPath: 'one.conf', readOnly: true }],
      };
      const pod: Pod = podOf('parts', {
        securityContext: { runAsUser: 1000, fsGroup: 2000 },
        containers: [container, reader],
        volumes: [{ name: 'v', emptyDir: {} }],
      });
      const { run, stop } = await pods.startPod(pod);
      let id = await run(container);
      expect(await sh(id, 'stat -c "%a %g" /whole/a /whole/a/b /new /whole/of-me')).toBe(
        '2777 2000\n2777 2000\n2777 2000\n2777 2000',
      );
      expect(await sh(id, 'echo x > /new/f; echo one > /whole/one.conf; cat /whole/a/b/f; touch /ro/x')).toMatch(
        /^x\n.*Read-only file system$/,
      );
      const readerId = await run(reader);
      expect(await sh(readerId, 'cat /etc/one.conf; echo x > /etc/one.conf')).toMatch(/^one\n.*Read-only file system$/);
      const before = (await mountsOf('uid-parts')).length;
      for (let restart = 1; restart <= 3; restart++) {
        await pods.node.connection.runtime.stopContainer(id, 0);
        id = await run(container, restart);
      }
      expect((await mountsOf('uid-parts')).length).toBe(before);
      expect(await sh(id, 'cat /new/f')).toBe('x');
      await stop();
      expect(await mountsOf('uid-parts')).toEqual([]);
    });
  });
});
