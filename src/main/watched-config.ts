// Follows configuration files that count anew when they change, while the API server runs.
// Follows apiserver pkg/util/filesystem (WatchUntil) and the reloading of pkg/kubeapiserver/options of v1.36.

import { dirname } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Files } from '../lib/system.ts';

/** A file whose text is in use. */
export interface WatchedConfig {
  /** The option that names it: authentication-config. */
  option: string;
  path: string;
  /** What was read last and is in use. */
  text: string;
  /** Takes a new text over, whole. Rejects with an Error where it is wrong: what was in use stays. */
  apply(text: string): Promise<void>;
}

export interface WatchDeps {
  files: Pick<Files, 'readFile' | 'watch'>;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** Whatever hints do not come: looked at this often. */
const pollMs = 60_000;

/** Looks at the file whenever something changes in its folder (a link may be what changes) and every minute, until the signal aborts. */
export function watchConfig(config: WatchedConfig, { files, clock, logger, signal }: WatchDeps): void {
  const about = { option: `--${config.option}`, path: config.path };
  let inUse = config.text;
  /** The text that was refused last: said once. */
  let refused: string | undefined;
  const look = async (): Promise<void> => {
    const text = (await files.readFile(config.path)).toString('utf8');
    if (text === inUse || text === refused) return;
    refused = text;
    await config.apply(text);
    inUse = text;
    refused = undefined;
    logger.info('a configuration file has changed and counts from now on', about);
  };
  let looking = false;
  let again = false;
  const hint = (): void => {
    again = true;
    if (looking) return;
    looking = true;
    void (async () => {
      while (again && !signal.aborted) {
        again = false;
        await look().catch((error: unknown) =>
          logger.error('a configuration file has changed but cannot be used: what was read before stays', {
            ...about,
            error: error instanceof Error ? error.message : String(error),
          }),
        );
      }
      looking = false;
    })();
  };
  const watcher = files.watch(dirname(config.path), hint);
  let timer = clock.after(pollMs, poll);
  function poll(): void {
    hint();
    timer = clock.after(pollMs, poll);
  }
  signal.addEventListener(
    'abort',
    () => {
      watcher.close();
      timer.cancel();
    },
    { once: true },
  );
}
