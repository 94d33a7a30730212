// Drives kubectl edit: an editor that makes one change each time that it is opened.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubectlRunner } from './kubectl-runner.ts';
import type { RunResult } from './run.ts';

/** Runs the command; the n-th opening of its editor applies the n-th sed script. Gives the files as they were opened, too. */
export async function editing(
  kubectl: KubectlRunner,
  args: string[],
  scripts: string[],
): Promise<RunResult & { files: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-edit-'));
  try {
    scripts.forEach((script, i) => writeFileSync(join(folder, `${i}.sed`), `${script}\n`));
    const editor = join(folder, 'editor.sh');
    // What is opened once more than there are scripts is emptied, which gives up.
    writeFileSync(
      editor,
      `#!/bin/sh
n=0; while [ -e '${folder}'/$n.opened ]; do n=$((n+1)); done
cp "$1" '${folder}'/$n.opened
if [ -e '${folder}'/$n.sed ]; then sed -i -f '${folder}'/$n.sed "$1"; else : > "$1"; fi
`,
      { mode: 0o755 },
    );
    const result = await kubectl.attempt(args, undefined, { KUBE_EDITOR: editor });
    const files: string[] = [];
    for (let n = 0; existsSync(join(folder, `${n}.opened`)); n++)
      files.push(readFileSync(join(folder, `${n}.opened`), 'utf8'));
    return { ...result, files };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
