// Writes what a simulated container prints, as the runtime would: lines in CRI format at the container's log path.

import type { Files } from '../../lib/system.ts';

const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));

/** Lines of one stream as CRI writes them: time with nanoseconds, stream, F for whole lines, P for a last one without an end. */
export function criLines(text: string, stream: 'stdout' | 'stderr', atMs: number): string {
  if (text === '') return '';
  const time = new Date(atMs).toISOString().replace(/Z$/, '000000Z');
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
  return lines.map((line) => `${time} ${stream} F ${line}\n`).join('');
}

/** One container's log file. Writes come one after another; the file is found by its path each time, so it can be rotated. */
export class ContainerLog {
  readonly #files: Files;
  readonly #path: string;
  #tail: Promise<void> = Promise.resolve();

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Appends, creating the file where it is missing. A failure to write loses the lines, as it would for a real runtime. */
  append(lines: string): Promise<void> {
    this.#tail = this.#tail.then(() => this.#write(lines)).catch(() => {});
    return this.#tail;
  }

  async #write(lines: string): Promise<void> {
    const found = await this.#files.stat(this.#path);
    if (!found) {
      await this.#files.mkdir(folderOf(this.#path), { recursive: true });
      return this.#files.writeFile(this.#path, lines, 0o640);
    }
    if (lines === '') return;
    await this.#files.writeFile(
      this.#path,
      Buffer.concat([await this.#files.readFile(this.#path), Buffer.from(lines)]),
      0o640,
    );
  }
}
