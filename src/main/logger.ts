// Binds the components' Logger to pino: JSON lines to a file or stderr, warnings and errors only unless PEAPOD_LOG says otherwise.

import { destination, pino } from 'pino';
import type { Logger as Pino } from 'pino';
import type { LogFields, Logger } from '../lib/logger.ts';

function wrap(target: Pino): Logger {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void =>
      target[level](fields, message);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(target.child(fields)),
  };
}

/** Logs to the file (0600, appended); `level` from PEAPOD_LOG: debug, info (default), warn, error, silent. */
export function fileLogger(path: string, level = process.env['PEAPOD_LOG'] ?? 'info'): Logger {
  const to = destination({ dest: path, append: true, mkdir: true, mode: 0o600, sync: false, minLength: 0 });
  // A full disk must not end the cluster: lines are lost instead.
  to.on('error', () => {});
  return wrap(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, to));
}
