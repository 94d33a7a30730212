// Mounting behind the Mounts interface: by the mount program, and by reading /proc/self/mountinfo.

import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { Mounts, Processes } from '../lib/system.ts';
import { hostProcesses, must } from './processes.ts';

/** Octal escapes of mountinfo (`\040` for a space) undone. */
const unescapePath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

export interface MountEntry {
  mountPoint: string;
  /** The folder of the mounted file system that shows here: '/' unless it is a bind mount. */
  root: string;
  fsType: string;
  source: string;
  shared: boolean;
}

/** Parses the text of mountinfo, in its order (a later mount covers an earlier one). */
export function parseMountInfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '', mountPoint = '', , ...optional] = before.split(' ');
      const [fsType = '', source = ''] = after.split(' ');
      return {
        mountPoint: unescapePath(mountPoint),
        root: unescapePath(root),
        fsType,
        source: unescapePath(source),
        shared: optional.some((field) => field.startsWith('shared:')),
      };
    });
}

/** Every mount of this process's namespace; none where there is no /proc. */
export const listMounts = async (): Promise<MountEntry[]> => parseMountInfo(await readMountInfo());

const readMountInfo = (): Promise<string> => readFile('/proc/self/mountinfo', 'utf8').catch(() => '');

/** Mount points at and below a folder, deepest first; of several mounts on one point each is listed. */
export async function mountPointsUnder(folder: string): Promise<string[]> {
  const base = folder.replace(/\/+$/, '');
  const text = await readMountInfo();
  // Most often nothing is there, and taking a long table apart would be most of the work. Names with escapes are found only then.
  if (!/[\s\\#]/.test(base) && !text.includes(base)) return [];
  return parseMountInfo(text)
    .map(({ mountPoint }) => mountPoint)
    .filter((point) => point === base || point.startsWith(`${base}/`))
    .toSorted((a, b) => b.split('/').length - a.split('/').length);
}

/** Whether tmpfs has the option, by the kernel's release: since Linux 6.4. */
export function knowsNoSwap(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}

// mount(2) takes no more than a page of options.
const maxOptions = 4000;

/** The longest folder that all paths are in. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...others] = paths;
  const parts = first.split('/');
  let shared = parts.length - 1;
  for (const other of others.map((path) => path.split('/')))
    while (parts.slice(0, shared).some((part, i) => part !== other[i])) shared--;
  return parts.slice(0, shared).join('/');
}

/** An overlay of many layers names them from the folder that they share, in which the mount program is then started. */
function shorten(options: readonly string[]): { options: readonly string[]; folder?: string } {
  const layers = options
    .find((option) => option.startsWith('lowerdir='))
    ?.slice('lowerdir='.length)
    .split(':');
  if (layers === undefined || options.join(',').length < maxOptions) return { options };
  const folder = commonFolder(layers);
  if (folder === '') return { options };
  const short = `lowerdir=${layers.map((layer) => layer.slice(folder.length + 1)).join(':')}`;
  return { options: options.map((option) => (option.startsWith('lowerdir=') ? short : option)), folder };
}

async function mountLayer(
  processes: Processes,
  path: string,
  layer: { type: string; source: string; options: readonly string[] },
  more: readonly string[],
): Promise<void> {
  if (layer.type === 'bind') {
    await must(processes, ['mount', '--bind', '--', layer.source, path]);
    // A bind takes its flags only by a remount.
    await must(processes, ['mount', '-o', ['remount', 'bind', ...more].join(','), '--', path]);
    return;
  }
  const { options, folder } = shorten([...layer.options, ...more]);
  const inFolder = folder === undefined ? [] : ['env', `--chdir=${folder}`];
  await must(processes, [...inFolder, 'mount', '-t', layer.type, '-o', options.join(','), '--', layer.source, path]);
}

/** The real mounts. Every failure is a CommandError with mount's own words. */
export function createHostMounts(processes: Processes = hostProcesses): Mounts {
  return {
    listUnder: mountPointsUnder,
    async mountTmpfs(path, { sizeBytes, mode }) {
      const options = [
        ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
        ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
      ];
      const mount = async (all: readonly string[]): Promise<void> => {
        const flags = all.length > 0 ? ['-o', all.join(',')] : [];
        await must(processes, ['mount', '-t', 'tmpfs', ...flags, 'tmpfs', path]);
      };
      if (!knowsNoSwap(release())) return mount(options);
      // What is in memory shall not reach a disk by way of swap. In a user namespace the kernel refuses to promise that.
      await mount([...options, 'noswap']).catch(() => mount(options));
    },
    async mountHugePages(path, { pageBytes }) {
      await must(processes, ['mount', '-t', 'hugetlbfs', '-o', `pagesize=${pageBytes}`, 'nodev', path]);
    },
    async bind(source, target, { readOnly = false, recursive = false } = {}) {
      await must(processes, ['mount', recursive ? '--rbind' : '--bind', '--', source, target]);
      // A bind takes its flags only by a remount.
      if (readOnly) await must(processes, ['mount', '-o', 'remount,bind,ro', '--', target]);
    },
    async mountAll(path, layers, options) {
      for (const layer of layers) await mountLayer(processes, path, layer, options);
    },
    async unmount(...paths) {
      if (paths.length > 0) await must(processes, ['umount', '--', ...paths]);
    },
  };
}

/** Makes the folder a shared mount of its own, so that mounts made in it later reach containers, and the other way round. Idempotent. */
export async function ensureSharedMount(processes: Processes, path: string): Promise<void> {
  const existing = (await listMounts()).findLast(({ mountPoint }) => mountPoint === path);
  if (!existing) await must(processes, ['mount', '--bind', '--', path, path]);
  if (!existing?.shared) await must(processes, ['mount', '--make-rshared', '--', path]);
}
