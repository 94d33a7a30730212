// Volumes over the life of their pod: sources that change, tokens that are renewed, and what is left once the pod has gone.
import { beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { base, createVolumeWorld, memory, podWith, type VolumeWorld } from '../../sim/volume-world.ts';
import { createTokenSource } from './token-source.ts';

let w: VolumeWorld;
beforeEach(() => {
  w = createVolumeWorld();
});

describe('changes of sources', () => {
  const pod = podWith([{ name: 'cfg', configMap: { name: 'settings' } }]);
  const color = `${base}/volumes/kubernetes.io~configmap/cfg/color`;
  const change = async (name: string): Promise<void> => {
    for (const listener of w.listeners) listener({ kind: 'configmap', namespace: 'shop', name });
    await w.clock.advance(1000);
  };

  it('reach the files within a second', async () => {
    await w.pathsOf(pod);
    w.configMaps.set('settings', { metadata: { name: 'settings' }, data: { color: 'blue' } });
    await change('settings');
    expect(await w.text(color)).toBe('blue');
    expect(w.hints).toEqual(['u-1']);
  });

  it('of others are not looked at', async () => {
    await w.pathsOf(pod);
    await change('other');
    expect(w.hints).toEqual([]);
  });

  it('that take the source away leave the files, and are told once', async () => {
    await w.pathsOf(pod);
    w.configMaps.clear();
    await change('settings');
    await change('settings');
    expect(await w.text(color)).toBe('red');
    expect(w.refreshFailures).toEqual(['MountVolume.SetUp failed for volume "cfg" : configmap "settings" not found']);
    expect(Object.keys(await w.pathsOf(pod))).toEqual(['cfg']);
    w.manager = w.start();
    expect(Object.keys(await w.pathsOf(pod))).toEqual(['cfg']);
  });

  it('do nothing after teardown', async () => {
    await w.pathsOf(pod);
    for (const listener of w.listeners) listener({ kind: 'configmap', namespace: 'shop', name: 'settings' });
    await w.manager.teardown('u-1');
    await w.clock.advance(1000);
    expect(await w.files.lstat(base)).toBeUndefined();
  });
});

describe('tokens in volumes', () => {
  const token = `${memory}/u-1/volumes/kubernetes.io~projected/t/token`;
  const pod = podWith(
    [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 1000 } }] } }],
    { serviceAccountName: 'a' },
  );

  it('are renewed in the file before they expire, and reminded of no more once the pod has gone', async () => {
    let issued = 0;
    const api = createFakeApi();
    api.intercept = ({ path }) =>
      path.endsWith('/token')
        ? ({
            status: {
              token: `token ${++issued}`,
              expirationTimestamp: new Date(w.clock.now() + 1_000_000).toISOString(),
            },
          } as object)
        : undefined;
    const due: string[] = [];
    const tokens = createTokenSource({
      client: createClient(api),
      clock: w.clock,
      logger: silentLogger,
      due: (uid) => void due.push(uid),
    });
    w.manager.close();
    w.manager = w.start({ tokens });
    await w.pathsOf(pod);
    expect(await w.text(token)).toBe('token 1');
    await w.clock.advance(799_000);
    await w.pathsOf(pod);
    expect([await w.text(token), due]).toEqual(['token 1', []]);
    await w.clock.advance(1_000);
    expect(due).toEqual(['u-1']);
    // The kubelet's next pass over the pod.
    await w.pathsOf(pod);
    expect(await w.text(token)).toBe('token 2');
    await w.manager.teardown('u-1');
    await w.clock.advance(2_000_000);
    expect(due).toEqual(['u-1']);
    tokens.close();
  });
});

describe('teardown', () => {
  it('unmounts and removes everything of the pod, and nothing that links point at', async () => {
    await w.files.mkdir('/srv/keep', { recursive: true });
    await w.files.writeFile('/srv/keep/file', 'x');
    const pod = podWith([
      { name: 'm', emptyDir: { medium: 'Memory' } },
      { name: 's', secret: { secretName: 'login' } },
      { name: 'h', hostPath: { path: '/srv/keep' } },
      { name: 'w', emptyDir: {} },
    ]);
    const paths = await w.pathsOf(pod);
    await w.files.symlink('/srv/keep', `${paths['w']}/link`);
    w.mounted.push(`${base}/volume-subpaths/s/c/0`);
    expect(await w.manager.listPodsOnDisk()).toEqual(['u-1']);
    await w.manager.teardown('u-1');
    expect(w.mounted).toEqual([memory]);
    expect(await w.files.readdir(memory)).toEqual([]);
    expect(await w.manager.listPodsOnDisk()).toEqual([]);
    expect(await w.text('/srv/keep/file')).toBe('x');
    expect(w.registered).toEqual(['u-1', '-u-1']);
    await w.manager.teardown('u-1');
  });

  it('of a pod that only the disk knows', async () => {
    await w.pathsOf(podWith([{ name: 'w', emptyDir: {} }]));
    w.manager = w.start();
    await w.manager.teardown('u-1');
    expect(await w.manager.listPodsOnDisk()).toEqual([]);
  });

  it('of which only the part in memory is left', async () => {
    await w.pathsOf(podWith([{ name: 's', secret: { secretName: 'login' } }]));
    await w.files.removeTree(base);
    w.manager = w.start();
    expect(await w.manager.listPodsOnDisk()).toEqual(['u-1']);
    await w.manager.teardown('u-1');
    expect(await w.manager.listPodsOnDisk()).toEqual([]);
  });

  it('rejects while something stays mounted, and can be repeated', async () => {
    await w.pathsOf(podWith([{ name: 'm', emptyDir: { medium: 'Memory' } }]));
    const working = { ...w.mounts };
    w.mounts.unmount = async () => {
      throw new Error('umount: target is busy');
    };
    await expect(w.manager.teardown('u-1')).rejects.toThrow('busy');
    expect(await w.manager.listPodsOnDisk()).toEqual(['u-1']);
    Object.assign(w.mounts, working);
    await w.manager.teardown('u-1');
    expect(await w.manager.listPodsOnDisk()).toEqual([]);
  });

  it('refuses a UID that leads elsewhere', async () => {
    await expect(w.manager.teardown('../..')).rejects.toThrow('invalid pod UID');
    await expect(w.manager.prepare(podWith([], {}, { uid: 'a/b' }))).rejects.toThrow('invalid pod UID');
  });
});
