// Reads the lines of CRI's log format: `<time> <stream> <tags> <content>`. Pure.
// Follows cri-client pkg/logs/logs.go (parseCRILog) of v1.36.

/** One entry; the parts are slices of the input, nothing is copied. */
export interface LogEntry {
  /** As the runtime wrote it: RFC 3339 with up to nine digits. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** The line goes on in the next entry of this stream. */
  partial: boolean;
  /** Without the newline that ends the entry. */
  content: Buffer;
}

const space = 0x20;

/** Parses an entry without its newline; undefined when it is none. */
export function parseLogEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  if (first < 0 || second < 0) return undefined;
  // A runtime may leave out the last blank where there is no content.
  const third = line.indexOf(space, second + 1);
  const tagsEnd = third < 0 ? line.length : third;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tag = line.toString('latin1', second + 1, tagsEnd).split(':')[0];
  if (tag !== 'P' && tag !== 'F') return undefined;
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tag === 'P',
    content: line.subarray(Math.min(tagsEnd + 1, line.length)),
  };
}

/** The time with exactly nine digits, as `kubectl logs --timestamps` shows it. */
export function fixedTime(time: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  return match ? `${match[1]}.${(match[2] ?? '').padEnd(9, '0').slice(0, 9)}${match[3]}` : time;
}
