import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../lib/logger.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { type Instance, instanceOf } from './instance.ts';
import { endLostShims, shimsOf } from './shims.ts';

/** A process without children whose arguments are those of a shim. */
async function startShim(instance: Instance, sandboxId: string): Promise<ChildProcess> {
  const args = ['-namespace', 'k8s.io', '-id', sandboxId, '-address', instance.containerdSocket];
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120000)', '--', ...args], {
    argv0: '/usr/bin/containerd-shim-runc-v2',
    stdio: 'ignore',
  });
  await once(child, 'spawn');
  return child;
}

describe.runIf(process.platform === 'linux')('shims that containerd has lost', () => {
  let base: string;
  let instance: Instance;
  let started: ChildProcess[];

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'peapod-shims-'));
    instance = instanceOf(base);
    started = [];
  });
  afterEach(() => {
    for (const child of started) child.kill('SIGKILL');
    rmSync(base, { recursive: true, force: true });
  });

  const start = async (sandboxId: string): Promise<ChildProcess> => {
    const child = await startShim(instance, sandboxId);
    started.push(child);
    return child;
  };

  test('are told by the socket in their arguments', async () => {
    const child = await start('mine');
    const other = { ...instance, containerdSocket: '/run/other.sock' };
    started.push(await startShim(other, 'not-mine'));
    await expect.poll(() => shimsOf(instance), { timeout: 10_000 }).toEqual([{ pid: child.pid, sandboxId: 'mine' }]);
  });

  test('are ended; those whose sandbox is known, and those that came later, are not', async () => {
    const [lost, known] = [await start('lost'), await start('known')];
    await expect.poll(async () => (await shimsOf(instance)).length, { timeout: 10_000 }).toBe(2);
    const clock = createVirtualClock();
    const stop = new AbortController();
    let looks = 0;
    const sandboxes = (): Promise<string[]> => {
      looks++;
      return Promise.resolve(['known']);
    };
    const done = endLostShims(instance, sandboxes, clock, silentLogger, stop.signal);
    // Between two looks real files are read: the clock goes on when the next look is waited for.
    const lookUntil = async (wanted: number): Promise<void> => {
      await expect
        .poll(
          async () => {
            if (looks < wanted) await clock.advance(5000);
            return looks;
          },
          { timeout: 30_000 },
        )
        .toBeGreaterThanOrEqual(wanted);
    };
    try {
      await lookUntil(2);
      await expect.poll(() => lost.signalCode, { timeout: 10_000 }).toBe('SIGKILL');
      const late = await start('late');
      await lookUntil(6);
      expect([known.signalCode, known.exitCode, late.signalCode, late.exitCode]).toEqual([null, null, null, null]);
    } finally {
      stop.abort();
      await clock.advance(5000);
      await done;
    }
  });

  test('are looked for twice and no more where there are none', async () => {
    const clock = createVirtualClock();
    let looks = 0;
    let ended = false;
    const sandboxes = (): Promise<string[]> => Promise.resolve((looks++, []));
    const done = endLostShims(instance, sandboxes, clock, silentLogger, new AbortController().signal).then(() => {
      ended = true;
    });
    await expect
      .poll(
        async () => {
          await clock.advance(5000);
          return ended;
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    await done;
    expect(looks).toBe(2);
  });
});
