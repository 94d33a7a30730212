// The program: binds the command line to what the commands do. Each command's code is loaded only when it runs.

import { writeSync } from 'node:fs';
import { type CliActions, createProgram } from '../cli/program.ts';
import { defaultDataDir } from './data-dir.ts';
import { detachedVariable, readyMark } from './detached-protocol.ts';
import { UserError } from './user-error.ts';

/** Where `up` says its lines: stdout, or, in the background, whoever still listens on descriptor 3 and then nobody. */
function announce(detached: boolean): (text: string) => void {
  if (!detached) {
    // The terminal, or whoever reads, may go first: the cluster goes on, or ends in good order, all the same.
    for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
    return (text) => process.stdout.write(text);
  }
  return (text) => {
    try {
      writeSync(3, text);
    } catch {
      // Whoever started it has gone.
    }
  };
}

const actions: CliActions = {
  async up(options) {
    const { startDetached } = await import('./detach.ts');
    const inBackground = process.env[detachedVariable] === '1';
    if (options.detach && !inBackground) return await startDetached(options);
    const [{ runUp }, { createProgress }] = await Promise.all([import('./up-command.ts'), import('./progress.ts')]);
    const write = announce(inBackground);
    return await runUp(options, createProgress(write), () => inBackground && write(`${readyMark}\n`));
  },
  down: async (options) => (await import('./down-command.ts')).runDown(options),
  reset: async (options) => (await import('./down-command.ts')).runReset(options),
  status: async (options) => (await import('./status-command.ts')).runStatus(options),
  kubectl: async (options) => (await import('./kubectl-command.ts')).runKubectl(options),
  imageLoad: async (options) => (await import('./image-command.ts')).imageLoad(options),
  imageList: async (options) => (await import('./image-command.ts')).imageList(options),
  imagePull: async (options) => (await import('./image-command.ts')).imagePull(options),
  imageRemove: async (options) => (await import('./image-command.ts')).imageRemove(options),
  async version({ output }) {
    const { gitVersion, peapodVersion } = await import('./version.ts');
    console.log(
      output === 'json'
        ? JSON.stringify({ peapod: peapodVersion(), kubernetes: gitVersion(), node: process.version })
        : `peapod ${peapodVersion()} (${gitVersion()})`,
    );
    return 0;
  },
};

try {
  // The launcher needs an exit at the end also where a handle is still open.
  await createProgram(actions, defaultDataDir(), (code) => process.exit(code)).parseAsync();
} catch (error) {
  const text =
    error instanceof UserError ? `peapod: ${error.message}` : error instanceof Error ? error.stack : String(error);
  console.error(text);
  // In the background, whoever waits for it to be ready must hear why it will not be.
  if (process.env[detachedVariable] === '1') announce(true)(`${text}\n`);
  process.exit(1);
}
