// Tests how soon changes in the runtime are noticed, and that an old look never hides a newer one.
import { describe, expect, test } from 'vitest';
import type {
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeEvent,
  RuntimeService,
  Sandbox,
} from '../cri/runtime.ts';
import { silentLogger } from '../lib/logger.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { containerLabels, sandboxLabels } from './runtime-labels.ts';
import { createRuntimeWatcher } from './runtime-watcher.ts';

const identity = { uid: 'u', namespace: 'ns', name: 'p' };
const pod = { metadata: identity };

/** A runtime with one pod of one container, whose answers the test sets. */
function setUp() {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const state = {
    container: 'running' as RuntimeContainer['state'],
    sandbox: 'ready' as Sandbox['state'],
    fails: false,
    exists: true,
  };
  const counts = { lists: 0, statuses: 0 };
  const pending: RuntimeEvent[] = [];
  let wake = (): void => {};
  const metadata = { name: 'c', attempt: 0 };
  const common = {
    metadata,
    createdAt: 1,
    labels: containerLabels(pod, { name: 'c' }),
    annotations: {},
    image: { image: 'i' },
    imageRef: 'i',
    imageId: '',
  };
  const runtime = {
    async listContainers() {
      counts.lists++;
      if (state.fails) throw new Error('away');
      return state.exists ? [{ ...common, id: 'c1', sandboxId: 's1', state: state.container }] : [];
    },
    listPodSandbox: async () =>
      state.exists
        ? [
            {
              id: 's1',
              metadata: { ...identity, attempt: 0 },
              state: state.sandbox,
              createdAt: 1,
              labels: sandboxLabels(pod),
              annotations: {},
              runtimeHandler: '',
            },
          ]
        : [],
    podSandboxStatus: async (id: string) => ({
      id,
      metadata: { ...identity, attempt: 0 },
      state: state.sandbox,
      createdAt: 1,
      labels: {},
      annotations: {},
      runtimeHandler: '',
      ips: ['10.0.0.1'],
    }),
    containerStatus: async (id: string): Promise<RuntimeContainerStatus> => {
      counts.statuses++;
      return { ...common, id, state: state.container, exitCode: 0, reason: '', message: '', mounts: [], logPath: '' };
    },
    async *events(signal: AbortSignal) {
      while (!signal.aborted) {
        yield* pending.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    },
  } as unknown as RuntimeService;
  const changed: number[] = [];
  const recovered: number[] = [];
  const busy = { value: false };
  const watcher = createRuntimeWatcher({
    runtime,
    files: createMemoryFiles({ now: () => clock.now() }),
    clock,
    logger: silentLogger,
    onChange: () => changed.push(clock.monotonic()),
    onRecovered: () => recovered.push(clock.monotonic()),
    isBusy: () => busy.value,
  });
  const emit = (event: RuntimeEvent): void => {
    pending.push(event);
    wake();
  };
  const start = async (): Promise<void> => {
    await watcher.list();
    void watcher.run(stop.signal);
    await clock.settle();
  };
  return { clock, stop, state, counts, emit, watcher, changed, recovered, busy, start };
}

describe('the runtime watcher', () => {
  test('an exit event is told once CRI says so too, within milliseconds', async () => {
    const { clock, stop, state, emit, changed, watcher, start } = setUp();
    await start();
    emit({ type: 'stopped', id: 'c1', at: 0, exitCode: 0 });
    await clock.advance(20);
    expect(changed).toEqual([]);
    state.container = 'exited';
    await clock.advance(30);
    expect(changed).toHaveLength(1);
    expect(changed[0]).toBeLessThan(50);
    await watcher.inspect(identity);
    expect(watcher.get('u')?.containers[0]?.state).toBe('exited');
    stop.abort();
  });

  test('events of what it does not know are dropped', async () => {
    const { clock, stop, emit, changed, counts, start } = setUp();
    await start();
    const { statuses } = counts;
    emit({ type: 'stopped', id: 'stranger', at: 0, exitCode: 0 });
    emit({ type: 'started', id: 'c1', at: 0 });
    await clock.advance(500);
    expect([changed, counts.statuses]).toEqual([[], statuses]);
    stop.abort();
  });

  test('without events the next listing finds the change, but leaves a pod at work alone', async () => {
    const { clock, stop, state, changed, busy, start } = setUp();
    await start();
    state.sandbox = 'notready';
    busy.value = true;
    await clock.advance(1500);
    expect(changed).toEqual([]);
    busy.value = false;
    await clock.advance(1000);
    expect(changed).toEqual([2000]);
    stop.abort();
  });

  test('a look reads only what changed', async () => {
    const { counts, state, watcher } = setUp();
    await watcher.inspect(identity);
    await watcher.inspect(identity);
    expect(counts.statuses).toBe(1);
    state.container = 'exited';
    await watcher.inspect(identity);
    expect(counts.statuses).toBe(2);
  });

  test('a pod that vanished is told of, and keeps its address until it is looked at', async () => {
    const { clock, stop, state, changed, watcher, start } = setUp();
    await start();
    state.exists = false;
    await clock.advance(1100);
    expect(changed).toEqual([1000]);
    expect(await watcher.inspect(identity)).toMatchObject({ sandboxes: [], containers: [], ips: ['10.0.0.1'] });
    expect(watcher.uids()).toEqual([]);
    stop.abort();
  });

  test('a runtime that is away is unhealthy, and everything is looked at when it is back', async () => {
    const { clock, stop, state, watcher, recovered, start } = setUp();
    await start();
    state.fails = true;
    await clock.advance(1100);
    expect(watcher.unhealthy()).toBe('away');
    state.fails = false;
    await clock.advance(1000);
    expect([watcher.unhealthy(), recovered]).toEqual([undefined, [2000]]);
    stop.abort();
  });
});
