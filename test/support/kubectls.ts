// Every kubectl that a test can use: the packaged one, and whatever the machine has.
import { accessSync, constants, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { unpackTool } from '../../src/main/packaged-kubectl.ts';
import { run } from './run.ts';

export interface Kubectl {
  path: string;
  /** 1.35 */
  version: string;
}

/** The packaged kubectl first, then those on PATH and beside them, one per version. */
export async function allKubectls(): Promise<Kubectl[]> {
  const tools = join(tmpdir(), `peapod-tools-${process.getuid?.() ?? 0}`);
  mkdirSync(tools, { recursive: true });
  const paths = [await unpackTool('kubectl', tools)];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = join(folder, 'kubectl');
    if (!executable(found)) continue;
    const real = dirname(realpathSync(found));
    paths.push(
      found,
      ...readdirSync(real)
        .filter((name) => /^kubectl\.1\.\d+$/.test(name))
        .map((name) => join(real, name)),
    );
  }
  const byVersion = new Map<string, Kubectl>();
  for (const path of new Set(paths)) {
    const { stdout } = await run([path, 'version', '--client', '-o', 'json']);
    const info = (JSON.parse(stdout || '{}') as { clientVersion?: { major: string; minor: string } }).clientVersion;
    if (!info) continue;
    // Vendors mark their builds: 32+.
    const version = `${info.major}.${info.minor.replace(/\D.*$/, '')}`;
    if (!byVersion.has(version)) byVersion.set(version, { path, version });
  }
  return [...byVersion.values()];
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
