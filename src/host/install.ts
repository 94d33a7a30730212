// Installs the Debian packages that real containers need, and says what and why; does nothing where all is there.

import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Processes } from '../lib/system.ts';

/** A program that Peapod runs, the package that brings it, and what it is for. */
interface Need {
  /** Looked up on PATH, or an absolute path. */
  program: string;
  package: string;
  why: string;
}

const needs: readonly Need[] = [
  { program: 'containerd', package: 'containerd', why: 'runs the containers' },
  { program: 'runc', package: 'runc', why: 'starts container processes' },
  { program: 'crun', package: 'crun', why: 'starts container processes faster, where the machine allows it' },
  { program: '/usr/lib/cni/bridge', package: 'containernetworking-plugins', why: 'gives each pod its address' },
  { program: 'nft', package: 'nftables', why: 'masquerades and forwards pod traffic' },
  { program: 'iptables', package: 'iptables', why: 'maps host ports into pods (through the CNI portmap plugin)' },
  { program: 'ip', package: 'iproute2', why: 'reads and removes network interfaces' },
  { program: 'catatonit', package: 'catatonit', why: "is the infra container that holds a pod's namespaces" },
  { program: 'mount', package: 'mount', why: 'mounts volumes' },
];

async function found(program: string, path: string): Promise<boolean> {
  const places = program.startsWith('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      return true;
    } catch {
      // Not there: look on.
    }
  }
  return false;
}

/** PATH with the folders where Debian keeps administrators' programs. */
export function systemPath(path = process.env['PATH'] ?? ''): string {
  const folders = [
    ...path.split(delimiter),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
  ];
  return [...new Set(folders)].filter(Boolean).join(delimiter);
}

/** The packages whose programs this machine lacks. */
export async function missingPackages(): Promise<{ package: string; why: string }[]> {
  const path = systemPath();
  const there = await Promise.all(needs.map((need) => found(need.program, path)));
  return needs.filter((_, i) => !there[i]).map((need) => ({ package: need.package, why: need.why }));
}

/**
 * Installs what is missing with apt-get; `say` gets a line per step. Throws an Error that names the packages when there is no
 * apt-get, or when it fails.
 */
export async function installMissing(processes: Processes, say: (line: string) => void): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  const names = missing.map((m) => m.package);
  if (!(await found('apt-get', systemPath())))
    throw new Error(`these packages are missing and there is no apt-get to install them: ${names.join(', ')}`);
  for (const m of missing) say(`installing ${m.package}: it ${m.why}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', PATH: systemPath() };
  const apt = async (...args: string[]): Promise<string | undefined> => {
    const result = await processes.run(['apt-get', ...args], { env, timeoutMs: 600_000 });
    return result.exitCode === 0 ? undefined : `${result.stdout}\n${result.stderr}`.trim().slice(-2000);
  };
  const install = (): Promise<string | undefined> => apt('install', '-y', '-q', '--no-install-recommends', ...names);
  const haveLists = (await readdir('/var/lib/apt/lists').catch(() => [])).some((name) => name.includes('Packages'));
  if (haveLists && (await install()) === undefined) return;
  say('refreshing the package lists (apt-get update)');
  const updateFailure = await apt('update', '-q');
  const failure = await install();
  if (failure !== undefined)
    throw new Error(
      `apt-get could not install ${names.join(', ')}: ${failure}${updateFailure ? `\n${updateFailure}` : ''}`,
    );
}
