// How the launcher starts Peapod's Node: benchmarks start their processes with the same options and environment.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const launcher = readFileSync(join(import.meta.dirname, '../../peapod'), 'utf8');

function launcherOptions(): string[] {
  const [, options] = /^exec "\$node" (.*) "\$root\/dist\/peapod\.js"/m.exec(launcher) ?? [];
  if (options === undefined) throw new Error('the launcher starts Node in a way that this does not know');
  return options.split(' ');
}

/** The options that the launcher gives to Node. */
export const nodeOptions: readonly string[] = launcherOptions();

/** This process's environment with what the launcher sets where it is not set. */
export function nodeEnvironment(): NodeJS.ProcessEnv {
  const defaults = [...launcher.matchAll(/^([A-Z_]+)=\$\{\1-(\w+)\}$/gm)].map(([, name = '', value]) => [name, value]);
  return { ...Object.fromEntries(defaults), ...process.env };
}
