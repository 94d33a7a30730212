// Binds the components' Logger to pino: JSON lines to a file or stderr, warnings and errors only unless PEAPOD_LOG says otherwise.

import { mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
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

/**
 * Logs to the file (0600, appended); `level` from PEAPOD_LOG: debug, info (default), warn, error, silent.
 * Each line is written at once, so that the last words before a crash are there; pino's own asynchronous destination tries
 * for ever to get rid of its lines when the process ends while the disk is full.
 */
export function fileLogger(path: string, level = process.env['PEAPOD_LOG'] ?? 'info'): Logger {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a', 0o600);
  const write = (line: string): void => {
    try {
      writeSync(file, line);
    } catch {
      // A full disk must not end the cluster: the line is lost instead.
    }
  };
  return wrap(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write }));
}
