// What a full node costs its kubelet: 250 pods with three probes each second, exec probes on real containers, and a config map that a hundred pods show.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { rawApi } from '../../test/support/api.ts';
import { eventually } from '../../test/support/eventually.ts';
import { noContainers, startPeapod } from '../../test/support/peapod.ts';
import type { Bench, Figure } from '../figure.ts';
import { execProbing } from '../support/load/exec-probes.ts';
import { nodeEnvironment, nodeOptions } from '../support/launched.ts';
import type { LoadFigures } from '../support/load/measure.ts';

const probedPods = 250;
const probesPerSecond = probedPods * 3;
const mappedPods = 100;

/** Bundles a process of this benchmark as the program itself is, so that its memory is the kubelet's and not the compiler's. */
async function bundled(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, `../support/load/${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
    // CommonJS packages inside an ES module bundle ask for require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

const start = (file: string, argument: string) =>
  spawn(process.execPath, [...nodeOptions, file, argument], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: nodeEnvironment(),
  });

async function figuresOf(file: string, ports: string): Promise<LoadFigures> {
  const output = await text(start(file, ports).stdout);
  if (output === '') throw new Error(`${file} gave no figures`);
  return JSON.parse(output) as LoadFigures;
}

async function probing(say: (line: string) => void): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-bench-'));
  const listeners = start(await bundled('listeners', folder), String(probedPods));
  try {
    const ports = await new Promise<string>((resolve) => {
      let output = '';
      listeners.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('\n')) resolve(output.trim());
      });
    });
    say(`${probedPods} pods on the simulated runtime, real listeners, ${probesPerSecond} probes a second`);
    const kubelet = await figuresOf(await bundled('probing-kubelet', folder), ports);
    say(`${kubelet.probes} probes in ${(kubelet.ms / 1000).toFixed(1)} s, ${kubelet.failures} failed`);
    const bare = await figuresOf(await bundled('bare-dialler', folder), ports);
    const core = ({ cpuMs, ms }: LoadFigures): number => (cpuMs * 100) / ms;
    const rate = ({ probes, ms }: LoadFigures): number => (probes * 1000) / ms;
    const peer = 'bare sockets, same requests';
    return [
      {
        figure: 'probes',
        value: rate(kubelet),
        unit: '/s',
        limit: 'what the pods ask for',
        limitValue: probesPerSecond,
        budget: { of: 'ratio', atLeast: 0.98 },
      },
      {
        figure: 'CPU of the kubelet, of one core',
        value: core(kubelet),
        unit: '%',
        limit: peer,
        limitValue: core(bare),
        budget: { of: 'value', atMost: 25 },
      },
      {
        figure: 'memory of the kubelet',
        value: kubelet.rssMb,
        unit: 'MB',
        limit: peer,
        limitValue: bare.rssMb,
        budget: { of: 'value', atMost: 150 },
      },
    ];
  } finally {
    listeners.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the files of all pods with that path hold, below the folder of a simulated node. */
function projected(nodes: string, path: string): string[] {
  return readdirSync(nodes).flatMap((node) => {
    const pods = join(nodes, node, 'pods');
    return readdirSync(pods).flatMap((uid) => {
      try {
        return [readFileSync(join(pods, uid, path), 'utf8')];
      } catch {
        return [];
      }
    });
  });
}

/** ms from the update of a config map until every pod's volume shows it. */
async function spreading(say: (line: string) => void): Promise<Figure[]> {
  say(`a config map in ${mappedPods} pods of a simulated node`);
  const peapod = await startPeapod({ runtime: 'simulated' });
  const api = rawApi(peapod.dataDir);
  try {
    const map = (value: string): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shared' },
      data: { key: value },
    });
    const pods = Array.from({ length: mappedPods }, (_, i) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `mapped-${i}` },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        volumes: [{ name: 'config', configMap: { name: 'shared' } }],
        containers: [{ name: 'c', image: 'busybox', volumeMounts: [{ name: 'config', mountPath: '/config' }] }],
      },
    }));
    const list = { apiVersion: 'v1', kind: 'List', items: [map('old'), ...pods] };
    await peapod.kubectl(['create', '-f', '-'], { input: JSON.stringify(list) });
    const nodes = join(peapod.dataDir, 'nodes');
    const shown = (value: string): boolean => {
      const values = projected(nodes, 'volumes/kubernetes.io~configmap/config/key');
      return values.length === mappedPods && values.every((found) => found === value);
    };
    await eventually('all pods show the map', () => shown('old'), 60_000);
    const started = performance.now();
    const path = '/api/v1/namespaces/default/configmaps/shared';
    const { status } = await api.request('PUT', path, { body: map('new') });
    if (status !== 200) throw new Error(`PUT ${path}: ${status}`);
    const stored = performance.now() - started;
    await eventually('all pods show the change', () => shown('new'), 30_000, 5);
    const all = performance.now() - started;
    return [
      {
        figure: 'config map change to shown by all pods',
        value: all,
        unit: 'ms',
        limit: 'the request alone',
        limitValue: stored,
        budget: { of: 'value', atMost: 1000 },
      },
    ];
  } finally {
    api.close();
    await peapod.dispose();
  }
}

export const bench: Bench = {
  name: 'kubelet-load',
  about: 'a full node: 250 pods with three probes each second, exec probes, and a config map shown by a hundred',
  unavailable: () => (process.platform === 'linux' ? undefined : 'reads /proc'),
  async run(say) {
    if (noContainers !== undefined) say(`no exec probes: ${noContainers}`);
    const execs = noContainers === undefined ? await execProbing(say) : [];
    return [...(await probing(say)), ...execs, ...(await spreading(say))];
  },
};
