// Security contexts and shared namespaces, each looked at from inside real containers.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Event, Pod, PodSpec, SecurityContext } from '../../src/api/generated/types.ts';
import { entriesOfFolder, ociImageTar } from '../../src/host/oci-image.ts';
import { eventually } from '../support/eventually.ts';
import { noContainers, type Peapod, repository, startPeapod } from '../support/peapod.ts';
import { run } from '../support/run.ts';

let peapod: Peapod;
let scratch: string;

/** A container that runs a script to its end. */
const script = (
  name: string,
  text: string,
  securityContext?: SecurityContext,
  more: Partial<Container> = {},
): Container => ({
  name,
  image: 'busybox',
  command: ['sh', '-c', text],
  ...(securityContext === undefined ? {} : { securityContext }),
  ...more,
});

const pod = (name: string, containers: Container[], spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers, ...spec },
});

async function apply(...pods: Pod[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: pods };
  await peapod.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
}

const get = async (name: string): Promise<Pod> =>
  JSON.parse(await peapod.kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;

const reached = (name: string, phase: string): Promise<Pod> =>
  eventually(
    `${name} is ${phase}`,
    async () => {
      const found = await get(name);
      if (found.status?.phase !== phase) throw new Error(JSON.stringify(found.status));
      return found;
    },
    60_000,
  );

/** What each container of a finished pod has written, trimmed. */
async function outputs(name: string, phase = 'Succeeded'): Promise<Record<string, string>> {
  const { spec } = await reached(name, phase);
  const logs = (spec?.containers ?? []).map(async (container) => {
    const text = await peapod.kubectl(['logs', name, '-c', container.name]);
    return [container.name, text.trim()] as const;
  });
  return Object.fromEntries(await Promise.all(logs));
}

/** The waiting reason and message of a pod's only container. */
const waiting = (name: string, reason: string): Promise<string> =>
  eventually(`${name} waits with ${reason}`, async () => {
    const state = (await get(name)).status?.containerStatuses?.[0]?.state?.waiting;
    if (state?.reason !== reason) throw new Error(JSON.stringify(state));
    return state.message;
  });

/** Busybox with users and groups of its own, run as `user`. */
async function imageOf(name: string, user: string): Promise<string> {
  const root = mkdtempSync(join(scratch, 'image-'));
  mkdirSync(join(root, 'layout'));
  mkdirSync(join(root, 'files'));
  await run(['tar', '-xf', join(repository, 'fixtures/images/busybox.tar'), '-C', join(root, 'layout')]);
  const read = (digest: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(root, 'layout/blobs', digest.replace(':', '/')), 'utf8')) as Record<string, unknown>;
  const index = JSON.parse(readFileSync(join(root, 'layout/index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  const manifest = read(index.manifests[0]?.digest ?? '') as { layers: { digest: string }[] };
  const layer = join(root, 'layout/blobs', (manifest.layers[0]?.digest ?? '').replace(':', '/'));
  await run(['tar', '-xzf', layer, '-C', join(root, 'files')]);
  writeFileSync(join(root, 'files/etc/passwd'), 'root:x:0:0::/root:/bin/sh\nworker:x:1500:1500::/:/bin/sh\n');
  writeFileSync(join(root, 'files/etc/group'), 'root:x:0:\nworker:x:1500:\nstaff:x:50:worker\n');
  const tar = ociImageTar({
    names: [`docker.io/library/${name}:latest`],
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    config: { User: user, Env: ['PATH=/bin'] },
    entries: await entriesOfFolder(join(root, 'files')),
  });
  const path = join(root, `${name}.tar`);
  writeFileSync(path, tar);
  return path;
}

/** The hexadecimal sets of a process's status: CapEff and the like. */
const field = (status: string, name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';

const capabilities = { chown: 0, netBindService: 10, netAdmin: 12, sysTime: 25 };
const has = (set: string, capability: keyof typeof capabilities): boolean =>
  ((BigInt(`0x${set}`) >> BigInt(capabilities[capability])) & 1n) === 1n;

const status = 'cat /proc/self/status';
const sem = 'cat /proc/sysvipc/sem';
const tool = (name: string): Pick<PodSpec, 'volumes'> & { mount: NonNullable<Container['volumeMounts']>[number] } => ({
  volumes: [{ name, hostPath: { path: `/usr/bin/${name}`, type: 'File' } }],
  mount: { name, mountPath: `/usr/local/bin/${name}`, readOnly: true },
});

describe.skipIf(noContainers)('inside a container', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'peapod-security-'));
    peapod = await startPeapod();
    const seccomp = join(peapod.dataDir, 'kubelet/seccomp/profiles');
    mkdirSync(seccomp, { recursive: true, mode: 0o700 });
    const noFolders = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [noFolders] };
    writeFileSync(join(seccomp, 'no-folders.json'), JSON.stringify(profile));
  }, 180_000);
  afterAll(async () => {
    rmSync(scratch, { recursive: true, force: true });
    await peapod?.dispose();
  }, 120_000);

  test('users, groups, capabilities, privilege, root file system and seccomp are what the contexts say', async () => {
    const root = { runAsUser: 0 };
    const drop = (...add: string[]): SecurityContext => ({ ...root, capabilities: { drop: ['ALL'], add } });
    const localhost = { type: 'Localhost', localhostProfile: 'profiles/no-folders.json' } as const;
    const mounts = [
      { name: 'data', mountPath: '/data' },
      { name: 'secret', mountPath: '/secret' },
    ];
    const files =
      'id; touch /data/f; stat -c "%g %a" /data; stat -c "%u:%g" /data/f; stat -Lc "%g %a" /secret/key; cat /secret/key';
    await peapod.kubectl(['create', 'secret', 'generic', 'key', '--from-literal=key=open']);
    await apply(
      pod(
        'contexts',
        [
          script('ids', files, undefined, { volumeMounts: mounts }),
          script('own', 'id', { runAsUser: 1600, runAsGroup: 1700 }),
          script('default', status, root),
          script('none', `${status}; chown 1 /tmp 2>&1`, drop()),
          script('some', status, drop('NET_BIND_SERVICE', 'SYS_TIME')),
          script('user', status, { capabilities: { add: ['NET_ADMIN'] } }),
          script('bound', status, { allowPrivilegeEscalation: false }),
          script(
            'still',
            'touch /x 2>&1; touch /data/still && echo written',
            { ...root, readOnlyRootFilesystem: true },
            {
              volumeMounts: mounts,
            },
          ),
          script('filtered', status, { seccompProfile: { type: 'RuntimeDefault' } }),
          script('own-filter', 'mkdir /tmp/x 2>&1; touch /tmp/f && echo fine', { ...root, seccompProfile: localhost }),
          script(
            'masked',
            'wc -c < /proc/keys; ls /sys/firmware | wc -l; (echo 1 > /proc/sys/kernel/panic) 2>&1',
            root,
          ),
        ],
        {
          securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] },
          volumes: [
            { name: 'data', emptyDir: {} },
            { name: 'secret', secret: { secretName: 'key', defaultMode: 0o400 } },
          ],
        },
      ),
      pod('privileged', [
        script('yes', `${status}; ls /dev; grep " /proc/" /proc/mounts; head -c 1 /proc/keys | wc -c`, {
          privileged: true,
        }),
        script('no', `${status}; ls /dev; grep " /proc/" /proc/mounts`),
      ]),
      pod('no-filter', [script('c', status, { seccompProfile: { type: 'Unconfined' } })]),
      pod('lost-filter', [
        script('c', 'true', { seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/lost.json' } }),
      ]),
    );
    const told = await outputs('contexts', 'Failed');
    expect(told['ids']?.split('\n')).toEqual([
      'uid=1000 gid=3000 groups=2000,3000,4000',
      '2000 2777',
      '1000:2000',
      '2000 440',
      'open',
    ]);
    expect(told['own']).toBe('uid=1600 gid=1700 groups=1700,2000,4000');
    const effective = (name: string): string => field(told[name] ?? '', 'CapEff');
    expect(effective('default')).toBe('00000000a80425fb');
    expect(effective('none')).toBe('0000000000000000');
    expect(told['none']).toContain('Operation not permitted');
    expect(['chown', 'netBindService', 'sysTime'].map((c) => has(effective('some'), c as 'chown'))).toEqual([
      false,
      true,
      true,
    ]);
    expect(effective('user')).toBe('0000000000000000');
    expect(has(field(told['user'] ?? '', 'CapBnd'), 'netAdmin')).toBe(true);
    expect([field(told['default'] ?? '', 'NoNewPrivs'), field(told['bound'] ?? '', 'NoNewPrivs')]).toEqual(['0', '1']);
    expect(told['still']).toMatch(/Read-only file system\nwritten$/);
    expect([field(told['default'] ?? '', 'Seccomp'), field(told['filtered'] ?? '', 'Seccomp')]).toEqual(['0', '2']);
    expect(told['own-filter']).toMatch(/Operation not permitted\nfine$/);
    expect(told['masked']).toMatch(/^0\n0\n.*Read-only file system$/);

    const { yes = '', no = '' } = await outputs('privileged');
    const bounding = field(readFileSync('/proc/self/status', 'utf8'), 'CapBnd');
    expect(field(yes, 'CapEff')).toBe(bounding);
    expect(field(no, 'CapEff')).toBe('00000000a80425fb');
    expect([/^kmsg$/m.test(yes), /^kmsg$/m.test(no)]).toEqual([true, false]);
    expect([/ \/proc\/sys proc ro/.test(yes), / \/proc\/sys proc ro/.test(no)]).toEqual([false, true]);
    expect(field((await outputs('no-filter'))['c'] ?? '', 'Seccomp')).toBe('0');
    expect(await waiting('lost-filter', 'CreateContainerError')).toMatch(
      /profiles\/lost\.json.*no such file or directory/,
    );
  }, 120_000);

  test('the image says who runs where the pod does not, and must not say root where it may not', async () => {
    const tars = await Promise.all([imageOf('numeric', '1500'), imageOf('named', 'worker')]);
    const loaded = await peapod.command(['image', 'load', ...tars]);
    expect(loaded.code, loaded.stderr).toBe(0);
    const notRoot = { runAsNonRoot: true };
    const using = (image: string, securityContext?: SecurityContext): Container =>
      script('c', 'id', securityContext, { image, imagePullPolicy: 'Never' });
    await apply(
      pod('numeric', [using('numeric', notRoot)]),
      pod('named', [using('named')]),
      pod('merged', [using('named')], {
        securityContext: { supplementalGroups: [60], supplementalGroupsPolicy: 'Merge' },
      }),
      pod('named-strict', [using('named', notRoot)]),
      pod('root-strict', [script('c', 'id', notRoot)]),
      pod('zero-strict', [script('c', 'id', { ...notRoot, runAsUser: 0 })]),
      pod('other-strict', [script('c', 'id', { ...notRoot, runAsUser: 7 })]),
    );
    const where = async (name: string): Promise<string> =>
      `(pod: "${name}_default(${(await get(name)).metadata?.uid})", container: c)`;
    const reason = 'CreateContainerConfigError';
    expect(await waiting('named-strict', reason)).toBe(
      `container has runAsNonRoot and image has non-numeric user (worker), cannot verify user is non-root ${await where('named-strict')}`,
    );
    expect(await waiting('root-strict', reason)).toBe(
      `container has runAsNonRoot and image will run as root ${await where('root-strict')}`,
    );
    expect(await waiting('zero-strict', reason)).toBe(
      `container's runAsUser breaks non-root policy ${await where('zero-strict')}`,
    );
    expect((await outputs('other-strict'))['c']).toMatch(/^uid=7 gid=0/);
    // A user of the image has the groups that the image gives him.
    expect((await outputs('numeric'))['c']).toBe('uid=1500(worker) gid=1500(worker) groups=50(staff),1500(worker)');
    expect((await outputs('named'))['c']).toBe('uid=1500(worker) gid=1500(worker) groups=50(staff),1500(worker)');
    expect((await outputs('merged'))['c']).toBe('uid=1500(worker) gid=1500(worker) groups=50(staff),60,1500(worker)');
  }, 120_000);

  test("a pod shares its IPC, names and, if asked, processes among its containers, and the node's only if asked", async () => {
    const made = await run(['ipcmk', '-S', '1']);
    const ofNode = /id: (\d+)/.exec(made.stdout)?.[1] ?? '';
    const key =
      new RegExp(`^\\s*(-?\\d+)\\s+${ofNode}\\s`, 'm').exec(readFileSync('/proc/sysvipc/sem', 'utf8'))?.[1] ?? 'none';
    try {
      const { volumes = [], mount } = tool('ipcmk');
      const maker = script('maker', `ipcmk -S 3; echo shared > /dev/shm/file; hostname; exec sleep 601`, undefined, {
        image: 'debian',
        volumeMounts: [mount],
      });
      const wait = 'until [ -e /dev/shm/file ]; do sleep 0.1; done';
      const processes = 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done 2>/dev/null';
      const looker = script(
        'looker',
        `${wait}; ${sem}; cat /dev/shm/file; hostname; ${processes}; echo all; exec sleep 602`,
      );
      const stranger = (name: string, spec: Partial<PodSpec> = {}): Pod =>
        pod(name, [script('c', `${sem}; ls /dev/shm; hostname; ${processes}`)], spec);
      await apply(
        pod('sharing', [maker, looker], { volumes }),
        pod('together', [maker, looker], { volumes, shareProcessNamespace: true }),
      );
      const said = (name: string): Promise<string> =>
        eventually(`${name} has looked`, async () => {
          const text = await peapod.kubectl(['logs', name, '-c', 'looker']);
          return text.endsWith('\nall\n') ? text : undefined;
        });
      const sharing = await said('sharing');
      // One semaphore set of three, the file in shared memory, and the pod's own name.
      expect(sharing).toMatch(/^\s*-?\d+\s+\d+\s+\d+\s+3\s/m);
      expect(sharing).toContain('\nshared\nsharing\n');
      expect(sharing).not.toContain('sleep 601');
      expect(sharing).not.toContain(key);
      expect((await peapod.kubectl(['logs', 'sharing', '-c', 'maker'])).trim().split('\n').at(-1)).toBe('sharing');
      expect(await said('together')).toContain('sleep 601');
      // While both run, others look.
      await apply(stranger('stranger'), stranger('of-node', { hostIPC: true, hostPID: true, hostNetwork: true }));
      const { c: alone = '' } = await outputs('stranger');
      expect(alone.split('\n').slice(1, 2)).toEqual(['stranger']);
      expect(alone).not.toMatch(/catatonit|sleep 601/);
      const { c: ofAll = '' } = await outputs('of-node');
      expect(ofAll).toMatch(new RegExp(`^\\s*${key}\\s+${ofNode}\\s`, 'm'));
      expect(ofAll).toContain(`\n${hostname()}\n`);
      expect(ofAll).toContain('sleep 601');
      const { status: placed } = await get('of-node');
      expect(placed?.podIP).toBe(placed?.hostIP);
      await peapod.kubectl(['delete', 'pod', 'sharing', 'together', '--now']);
    } finally {
      await run(['ipcrm', '-s', ofNode]);
    }
  }, 120_000);

  test('what the runtime or the kernel cannot do is refused or warned about by name', async () => {
    const warned = await peapod.tryKubectl(['apply', '-f', '-'], {
      input: JSON.stringify(
        pod('labelled', [script('c', 'true', { seLinuxOptions: { level: 's0:c1,c2' } })], {
          securityContext: { seLinuxOptions: { type: 't' }, windowsOptions: { runAsUserName: 'x' } },
        }),
      ),
    });
    for (const path of ['spec.securityContext.seLinuxOptions', 'spec.containers[0].securityContext.seLinuxOptions'])
      expect(warned.stderr).toContain(`Warning: ${path}: accepted but not acted on`);
    expect(warned.stderr).toContain('Warning: spec.securityContext.windowsOptions: accepted but not acted on');
    const refusals: [SecurityContext | undefined, Partial<PodSpec>, string][] = [
      [{ procMount: 'Unmasked' }, {}, '`hostUsers` must be false to use `Unmasked`'],
      [
        undefined,
        { os: { name: 'linux' }, securityContext: { windowsOptions: { runAsUserName: 'x' } } },
        'spec.securityContext.windowsOptions: Forbidden',
      ],
      [
        { privileged: true, allowPrivilegeEscalation: false },
        {},
        'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      ],
      [
        { capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false },
        {},
        'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
      ],
      [
        undefined,
        { shareProcessNamespace: true, hostPID: true },
        'ShareProcessNamespace and HostPID cannot both be enabled',
      ],
      [undefined, { hostUsers: false, hostNetwork: true }, 'spec.hostNetwork: Forbidden: when `hostUsers` is false'],
    ];
    for (const [context, spec, message] of refusals) {
      const input = JSON.stringify(pod('refused', [script('c', 'true', context)], spec));
      const result = await peapod.tryKubectl(['apply', '-f', '-'], { input });
      expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(message)]);
    }
    await apply(pod('mapped', [script('c', 'true', { procMount: 'Unmasked' })], { hostUsers: false }));
    const why =
      'Failed to create pod sandbox: can\'t set `spec.hostUsers: false`, runtime does not support user namespaces: the handler "" is not known';
    await eventually('the sandbox is refused', async () => {
      const selector = 'involvedObject.name=mapped,reason=FailedCreatePodSandBox';
      const text = await peapod.kubectl(['get', 'events', '--field-selector', selector, '-o', 'json']);
      const { items } = JSON.parse(text) as { items: Event[] };
      return items.some(({ message }) => message === why);
    });
    expect((await get('mapped')).status?.phase).toBe('Pending');
  }, 90_000);
});
