// A containerd that is slow to answer is waited for, and one that never does is not left beside the next.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { waitForRuntime } from '../../src/cri/grpc/connect-runtime.ts';
import { type Containerd, type ContainerdOptions, startContainerd } from '../../src/host/containerd.ts';
import { infraImage } from '../../src/host/infra-image.ts';
import { type Instance, instanceOf } from '../../src/host/instance.ts';
import { describeMachine } from '../../src/host/machine.ts';
import { hostProcesses } from '../../src/host/processes.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { removeInstance } from '../../src/host/remove-instance.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { whyNoContainers } from './harness.ts';

const reason = await whyNoContainers();
if (reason) console.warn(`skipped: containers cannot run here: ${reason}`);

describe.skipIf(reason !== undefined)('containerd', () => {
  let instance: Instance;
  let containerd: Containerd | undefined;
  beforeEach(async () => {
    instance = instanceOf(await realpath(await mkdtemp('/tmp/peapod-test-')));
  });
  afterEach(async () => {
    await containerd?.release();
    containerd = undefined;
    await removeInstance(hostProcesses, instance);
    await rm(instance.dataDir, { recursive: true, force: true });
  });

  /** Pids of the daemons of this instance, not of its shims. */
  const running = (): number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          return /(^|\/)containerd$/.test(argv[0] ?? '') && argv.includes(instance.containerdConfig);
        } catch {
          return false;
        }
      });
  /** Starts it; the first answers are said to be missing, as many as `missing` is. */
  async function start(missing: () => boolean, onChange?: ContainerdOptions['onChange']): Promise<Containerd> {
    const machine = await describeMachine();
    return await startContainerd({
      instance,
      machine,
      runtime: 'runc',
      sandboxImage: (await infraImage(machine.architecture)).name,
      clock: realClock,
      logger: silentLogger,
      ready: async (socket, signal) => {
        if (missing()) throw new Error('no answer in time');
        await waitForRuntime(socket, realClock, { timeoutMs: 20_000, signal });
      },
      ...(onChange === undefined ? {} : { onChange }),
    });
  }

  test('one that never answers is stopped when it is given up', async () => {
    await expect(start(() => true)).rejects.toThrow('no answer in time');
    expect(running()).toEqual([]);
  });

  test('one that is slow is waited for, at the start and after it was killed', async () => {
    let missing = 2;
    const changes: boolean[] = [];
    containerd = await start(
      () => missing-- > 0,
      (up) => changes.push(up),
    );
    const first = containerd.pid();
    expect(running()).toEqual([first]);
    missing = 2;
    process.kill(first, 'SIGKILL');
    await eventually('it is back', () => changes.at(-1) === true, 30_000);
    expect(changes).toEqual([false, true]);
    expect(running()).toEqual([containerd.pid()]);
  });

  test('one of before that does not answer any more makes room for another', async () => {
    containerd = await start(() => false);
    const first = containerd.pid();
    await containerd.release();
    let missing = 3;
    containerd = await start(() => missing-- > 0);
    expect(containerd.adopted).toBe(false);
    expect(running()).toEqual([containerd.pid()]);
    expect(containerd.pid()).not.toBe(first);
  });
});
