// `kubectl debug` in its three forms, on real containers, with the packaged kubectl and the oldest that the machine has.
import { expect, test } from 'vitest';
import type { Pod } from '../../src/api/generated/types.ts';
import { eventually } from '../support/eventually.ts';
import type { Background } from '../support/kubectl-runner.ts';
import { type KubectlContext, describeKubectls } from '../support/kubectl-suite.ts';

await describeKubectls('kubectl debug', undefined, full);

/** What a shell wrote before kubectl had joined it is not shown: Enter asks for another prompt. */
async function prompt(shell: Background): Promise<void> {
  const asked = (): boolean => {
    if (/\/ # /.test(shell.output())) return true;
    if (shell.output().includes('press')) shell.type('\r');
    throw new Error(shell.output());
  };
  await eventually('a prompt', asked, 30_000, 300);
}

const parsed = (text: string): Pod => JSON.parse(text) as Pod;

function full({ kubectl, pod }: KubectlContext): void {
  const get = async (name: string): Promise<Pod> => parsed(await kubectl(['get', 'pod', name, '-o', 'json']));
  const ephemeral = async (
    name: string,
  ): Promise<NonNullable<NonNullable<Pod['status']>['ephemeralContainerStatuses']>[0]> => {
    const found = (await get(pod)).status?.ephemeralContainerStatuses?.find((status) => status.name === name);
    if (found === undefined) throw new Error(`no status of ${name}`);
    return found;
  };

  test('a terminal in a container that joins the processes of another', async () => {
    const shell = kubectl.terminal(40, 120, [
      'debug',
      '-it',
      pod,
      '--image=busybox:1.28',
      '--target=tool',
      '--container=look',
      '--',
      'sh',
    ]);
    try {
      await prompt(shell);
      // PID 1 is the target's; its file system is seen through /proc, and the pod's network is shared.
      shell.type('tr "\\0" " " < /proc/1/cmdline; wget -q -O- http://127.0.0.1:80 | head -n 4; echo self $$\r');
      await eventually('the answers', () => /self \d+/.test(shell.output().replaceAll('self $$', '')));
      expect(shell.output()).toContain('echo line $i');
      expect(shell.output()).toContain('Welcome to nginx!');
      expect((await ephemeral('look')).state).toHaveProperty('running');
      shell.type('exit 3\r');
      expect(await shell.ended()).toBe(0);
    } finally {
      shell.stop();
    }
    const ended = await eventually('its end in the status', async () => {
      const status = await ephemeral('look');
      return status.state?.terminated ? status : undefined;
    });
    expect(ended).toMatchObject({
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    const { spec, status } = await get(pod);
    expect(spec?.ephemeralContainers).toMatchObject([
      { name: 'look', targetContainerName: 'tool', stdin: true, tty: true },
    ]);
    // Neither readiness nor the phase nor READY heed it, and it is not run again.
    expect(status?.phase).toBe('Running');
    expect(await kubectl(['get', 'pod', pod, '--no-headers'])).toMatch(/ 3\/3 +Running +0 /);
    const described = await kubectl(['describe', 'pod', pod]);
    expect(described).toMatch(/Ephemeral Containers:\n {2}look:\n/);
    expect(described).toMatch(
      /Started +\S+ +kubelet +spec\.ephemeralContainers\{look\}: Container started|Container started/,
    );
  });

  test('a container without a terminal reads what is piped to it, and its log stays', async () => {
    const debug = kubectl.background([
      'debug',
      '-i',
      pod,
      '--image=busybox:1.28',
      '--container=pipe',
      '--',
      'sh',
      '-c',
      'while [ "$line" != two ]; do read line; echo "got $line"; done',
    ]);
    let typed = 0;
    try {
      // What the container writes before the runtime has attached the client to its output, only the log has.
      await eventually('the first line', () => {
        typed++;
        debug.type('one\n');
        return debug.output().includes('got one\n');
      });
      debug.type('two\n');
      await eventually('the last line', () => debug.output().includes('got two\n'));
      expect(await debug.ended()).toBe(0);
    } finally {
      debug.stop();
    }
    expect(await kubectl(['logs', pod, '-c', 'pipe'])).toBe(`${'got one\n'.repeat(typed)}got two\n`);
    expect((await get(pod)).spec?.ephemeralContainers?.map(({ name }) => name).sort()).toEqual(['look', 'pipe']);
  });

  test('a copy of the pod, with another image and shared processes', async () => {
    const copy = `${pod}-copy`;
    try {
      await kubectl([
        'debug',
        pod,
        `--copy-to=${copy}`,
        '--share-processes',
        '--set-image=nginx=busybox:1.28',
        '--container=nginx',
        '--image=busybox:1.28',
        '--',
        'sleep',
        '1000',
      ]);
      await kubectl(['wait', '--for=condition=Ready', `pod/${copy}`, '--timeout=60s']);
      const { spec } = await get(copy);
      expect(spec?.shareProcessNamespace).toBe(true);
      expect(spec?.containers.map(({ image }) => image)).toEqual(['busybox:1.28', 'busybox:1.28', 'busybox:1.28']);
      const seen = await kubectl(['exec', copy, '-c', 'nginx', '--', 'ps']);
      expect(seen).toContain('sleep 1000');
      expect(seen).toContain('echo line $i');
    } finally {
      await kubectl.attempt(['delete', 'pod', copy, '--force', '--grace-period=0', '--ignore-not-found']);
    }
  });

  test('a pod on the node, in its namespaces and over its files', async () => {
    const node = (await get(pod)).spec?.nodeName ?? '';
    const shell = kubectl.terminal(40, 120, ['debug', '-it', `node/${node}`, '--image=busybox:1.28', '--', 'sh']);
    let made: string | undefined;
    try {
      made = await eventually('its name', () => /Creating debugging pod (\S+) with/.exec(shell.output())?.[1]);
      await prompt(shell);
      shell.type(`head -c 9 /host/proc/version; echo; ls -d /proc/${process.pid} && echo seen $$\r`);
      await eventually('the answers', () => /seen \d+/.test(shell.output().replaceAll('seen $$', '')));
      expect(shell.output()).toContain(`/proc/${process.pid}\r\n`);
      shell.type('exit\r');
      expect(await shell.ended()).toBe(0);
      const { spec, status } = await get(made);
      expect(spec).toMatchObject({ nodeName: node, hostPID: true, hostNetwork: true, hostIPC: true });
      expect(status?.hostIP).toBe(status?.podIP);
      expect(await kubectl(['get', 'pod', made, '--no-headers'])).toMatch(/ 0\/1 +Completed /);
    } finally {
      shell.stop();
      if (made !== undefined) await kubectl.attempt(['delete', 'pod', made, '--force', '--grace-period=0']);
    }
  });
}
