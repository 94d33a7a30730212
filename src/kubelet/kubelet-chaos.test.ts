// Random lives of pods, with restarts of the kubelet and failures of the runtime and the API in between: in the end all is right.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../api/generated/types.ts';
import { RuntimeError } from '../cri/runtime.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { startHarness } from './testing/kubelet-harness.ts';

type Step =
  | { do: 'create'; name: number; kind: number }
  | { do: 'delete'; name: number; grace: number }
  | { do: 'update'; name: number }
  | { do: 'restart' | 'api-fails' | 'api-back' | 'runtime-fails' | 'runtime-back' | 'kill-sandbox' }
  | { do: 'wait'; ms: number };

const name = fc.integer({ min: 0, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('create' as const), name, kind: fc.integer({ min: 0, max: 5 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('delete' as const), name, grace: fc.constantFrom(0, 1, 5, 30) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('restart', 'api-fails', 'api-back', 'runtime-fails', 'runtime-back', 'kill-sandbox'),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 3, 50, 900, 4000, 12_000) }),
  },
);

// What a pod is like: annotations of the simulated runtime, and its spec.
const kinds: { sim: Record<string, string>; spec: object; settled: RegExp }[] = [
  { sim: {}, spec: {}, settled: /^Running c:running/ },
  { sim: { 'run-time': '2s' }, spec: { restartPolicy: 'Never' }, settled: /^(Succeeded c:Completed|Failed)/ },
  { sim: { 'run-time': '1s', 'exit-code': '1' }, spec: {}, settled: /^Running c:/ },
  { sim: { 'ignore-term': 'true' }, spec: {}, settled: /^Running c:running/ },
  {
    sim: { 'i0.run-time': '2s' },
    spec: { initContainers: [{ name: 'i0', image: 'x' }] },
    settled: /^Running i0:Completed\/0\S* c:running/,
  },
  {
    sim: { 'sandbox-delay': '1s', 'start-delay': '500ms', 'stop-time': '1s' },
    spec: {},
    settled: /^Running c:running/,
  },
];

describe('the kubelet, whatever happens', () => {
  test('brings every pod to its spec, and leaves nothing of those that are gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer(), async (steps, seed) => {
        const clock = createVirtualClock();
        const files = createMemoryFiles({ now: () => clock.now() });
        const harness = await startHarness({ clock, random: createSeededRandom(seed), files });
        const { api, runtime } = harness;
        const away = new RuntimeError('Unavailable', 'connection refused');
        const calls = [
          'listContainers',
          'listPodSandbox',
          'runPodSandbox',
          'createContainer',
          'startContainer',
          'stopContainer',
          'containerStatus',
        ] as const;
        const real = Object.fromEntries(calls.map((call) => [call, runtime[call].bind(runtime)]));
        const setRuntime = (works: boolean): void =>
          calls.forEach((call) => Object.assign(runtime, { [call]: works ? real[call] : () => Promise.reject(away) }));
        const kindOf = new Map<string, number>();
        let serial = 0;
        for (const s of steps) {
          const podName = 'name' in s ? `p${s.name}` : '';
          switch (s.do) {
            case 'create': {
              const kind = kinds[s.kind]!;
              if (api.find(podName)) break;
              kindOf.set(podName, s.kind);
              const annotations = Object.fromEntries(
                Object.entries(kind.sim).map(([k, v]) => [`sim.peapod.dev/${k}`, v]),
              );
              api.create({
                metadata: { name: podName, uid: `${podName}-${serial++}`, annotations },
                spec: {
                  restartPolicy: 'Always',
                  terminationGracePeriodSeconds: 5,
                  containers: [{ name: 'c', image: 'x' }],
                  ...kind.spec,
                },
              } as Pod);
              break;
            }
            case 'delete':
              if (api.find(podName)) api.delete(podName, s.grace);
              break;
            case 'update':
              if (api.find(podName))
                api.update(
                  podName,
                  (p) => ({ ...p, spec: { ...p.spec, containers: [{ name: 'c', image: 'y' }] } }) as Pod,
                );
              break;
            case 'restart':
              await harness.restart();
              break;
            case 'api-fails':
              api.failWith = new Error('connection refused');
              break;
            case 'api-back':
              api.failWith = undefined;
              break;
            case 'runtime-fails':
            case 'runtime-back':
              setRuntime(s.do === 'runtime-back');
              break;
            case 'kill-sandbox': {
              const [sandbox] = await runtime.listPodSandbox({ state: 'ready' }).catch(() => []);
              if (sandbox) await runtime.stopPodSandbox(sandbox.id);
              break;
            }
            case 'wait':
              await clock.advance(s.ms);
              break;
          }
        }
        api.failWith = undefined;
        setRuntime(true);
        await clock.advance(400_000);
        const names = ['p0', 'p1', 'p2', 'p3', 'p4'];
        for (const n of names) {
          const shown = harness.show(n);
          if (shown === 'gone') continue;
          expect(api.get(n).metadata?.deletionTimestamp, shown).toBeUndefined();
          expect(shown).toMatch(kinds[kindOf.get(n)!]!.settled);
        }
        const alive = new Set(names.flatMap((n) => api.find(n)?.metadata?.uid ?? []));
        const held = [...(await runtime.listPodSandbox()), ...(await runtime.listContainers())].map(
          (x) => x.labels['io.kubernetes.pod.uid'] ?? '',
        );
        expect([...held, ...harness.disk, ...harness.cgroups].filter((uid) => !alive.has(uid))).toEqual([]);
        // At most one instance of a container runs.
        const running = (await runtime.listContainers({ state: 'running' })).map(
          (c) => `${c.labels['io.kubernetes.pod.uid']}/${c.metadata.name}`,
        );
        expect(running).toEqual([...new Set(running)]);
        for (const n of names) if (api.find(n)) api.delete(n, 1);
        await clock.advance(30_000);
        expect(names.map((n) => harness.show(n))).toEqual(names.map(() => 'gone'));
        expect(await runtime.listPodSandbox()).toEqual([]);
        await harness.stop();
      }),
      { numRuns: 200, interruptAfterTimeLimit: 90_000, markInterruptAsFailure: true },
    );
  }, 120_000);
});
