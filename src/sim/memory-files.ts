// An in-memory file tree behind the Files interface, for simulated nodes and for tests: POSIX rules, no disk.

import type { FileReader, FileStat, Files } from '../lib/system.ts';

interface Common {
  ino: number;
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
}
type Directory = Common & { kind: 'directory'; entries: Map<string, Inode> };
type RegularFile = Common & { kind: 'file'; data: Buffer };
type Symlink = Common & { kind: 'symlink'; target: string };
type Inode = Directory | RegularFile | Symlink;

/** Where a path leads: the folder that holds it, its last name, and what is there now. */
interface Place {
  parent: Directory;
  name: string;
  path: string;
  inode: Inode | undefined;
}

/** The errno texts that node prints. */
const errnoTexts = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'illegal operation on a directory',
  EEXIST: 'file already exists',
  ENOTEMPTY: 'directory not empty',
  EINVAL: 'invalid argument',
  ELOOP: 'too many symbolic links encountered',
  EBADF: 'bad file descriptor',
} as const;
type Errno = keyof typeof errnoTexts;

/** An error shaped like node's: `code`, `syscall` and `path`, and the message in node's form. */
function errnoError(code: Errno, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${errnoTexts[code]}, ${syscall} '${path}'`), { code, syscall, path });
}

// Linux gives up after 40 links in one resolution.
const maxLinks = 40;
const empty = Buffer.alloc(0);

/** What a memory file system can be told about itself. */
export interface MemoryFilesOptions {
  /** Gives mtimes in ms; 0 always when absent. */
  now?: () => number;
  /** What statfs reports; 1 TiB and 16 Mi inodes when absent. */
  capacity?: { totalBytes: number; totalInodes: number };
}

/** A Files whose whole tree is in memory and starts as an empty root. Every call settles asynchronously, as on a real disk. */
export function createMemoryFiles(options: MemoryFilesOptions = {}): Files {
  return new MemoryFiles(options);
}

class MemoryFiles implements Files {
  readonly #now: () => number;
  readonly #capacity: { totalBytes: number; totalInodes: number };
  readonly #root: Directory;
  readonly #watchers = new Map<Inode, Set<() => void>>();
  #lastIno = 1;
  #inodes = 1;
  #usedBytes = 0;
  #temporaries = 0;

  constructor(options: MemoryFilesOptions) {
    this.#now = options.now ?? ((): number => 0);
    this.#capacity = options.capacity ?? { totalBytes: 2 ** 40, totalInodes: 2 ** 24 };
    this.#root = { kind: 'directory', ino: 1, mode: 0o755, uid: 0, gid: 0, mtimeMs: this.#now(), entries: new Map() };
  }

  async readFile(path: string): Promise<Buffer> {
    return Buffer.from(this.#file(path, 'open').data);
  }

  async writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
    // Rename replaces the name itself, so a symlink in the last place is replaced and not followed.
    const place = this.#place(path, 'rename', false);
    if (place.inode?.kind === 'directory') throw errnoError('EISDIR', 'rename', path);
    this.#unlinkFrom(place);
    this.#link(place, this.#newFile(data, mode));
  }

  async writeFile(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
    const place = this.#place(path, 'open', true);
    const found = place.inode;
    if (found === undefined) return this.#link(place, this.#newFile(data, mode));
    if (found.kind !== 'file') throw errnoError('EISDIR', 'open', path);
    const bytes = Buffer.from(data);
    this.#usedBytes += bytes.length - found.data.length;
    found.data = bytes;
    found.mtimeMs = this.#now();
    this.#changed(found, place.parent);
  }

  async createFile(path: string, mode: number): Promise<void> {
    const place = this.#place(path, 'open', true);
    if (place.inode === undefined) this.#link(place, this.#newFile('', mode));
    else if (place.inode.kind === 'directory') throw errnoError('EISDIR', 'open', path);
  }

  async mkdir(path: string, options: { recursive?: boolean; mode?: number } = {}): Promise<void> {
    if (options.recursive === true) {
      let prefix = '';
      for (const part of split(path, 'mkdir')) {
        prefix += `/${part}`;
        const place = this.#place(prefix, 'mkdir', true);
        if (place.inode === undefined) this.#link(place, this.#newDirectory(options.mode));
        else if (place.inode.kind !== 'directory')
          throw errnoError(prefix === path ? 'EEXIST' : 'ENOTDIR', 'mkdir', path);
      }
      return;
    }
    if (split(path, 'mkdir').length === 0) throw errnoError('EEXIST', 'mkdir', path);
    const place = this.#place(path, 'mkdir', false);
    if (place.inode) throw errnoError('EEXIST', 'mkdir', path);
    this.#link(place, this.#newDirectory(options.mode));
  }

  async mkdtemp(prefix: string): Promise<string> {
    for (;;) {
      const path = prefix + (++this.#temporaries).toString(36).padStart(6, '0');
      const place = this.#place(path, 'mkdtemp', false);
      if (place.inode) continue;
      this.#link(place, this.#newDirectory(0o700));
      return path;
    }
  }

  async readdir(path: string): Promise<string[]> {
    const inode = this.#existing(path, 'scandir', true);
    if (inode.kind !== 'directory') throw errnoError('ENOTDIR', 'scandir', path);
    return [...inode.entries.keys()].sort();
  }

  async lstat(path: string): Promise<FileStat | undefined> {
    return this.#statOrNothing(path, 'lstat', false);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return this.#statOrNothing(path, 'stat', true);
  }

  async readlink(path: string): Promise<string> {
    const inode = this.#existing(path, 'readlink', false);
    if (inode.kind !== 'symlink') throw errnoError('EINVAL', 'readlink', path);
    return inode.target;
  }

  async realpath(path: string): Promise<string> {
    if (split(path, 'realpath').length === 0) return '/';
    const place = this.#place(path, 'realpath', true);
    if (!place.inode) throw errnoError('ENOENT', 'realpath', path);
    return place.path;
  }

  async symlink(target: string, path: string): Promise<void> {
    const place = this.#place(path, 'symlink', false);
    if (place.inode) throw errnoError('EEXIST', 'symlink', path);
    this.#link(place, { ...this.#common(0o777), kind: 'symlink', target });
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#place(from, 'rename', false);
    const target = this.#place(to, 'rename', false);
    const moved = source.inode;
    if (!moved) throw errnoError('ENOENT', 'rename', from);
    if (target.inode === moved) return;
    if (moved.kind === 'directory' && `${target.path}/`.startsWith(`${source.path}/`))
      throw errnoError('EINVAL', 'rename', from);
    if (target.inode) {
      if (target.inode.kind === 'directory') {
        if (moved.kind !== 'directory') throw errnoError('EISDIR', 'rename', from);
        if (target.inode.entries.size > 0) throw errnoError('ENOTEMPTY', 'rename', from);
      } else if (moved.kind === 'directory') throw errnoError('ENOTDIR', 'rename', from);
      this.#unlinkFrom(target);
    }
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, moved);
    const now = this.#now();
    source.parent.mtimeMs = now;
    target.parent.mtimeMs = now;
    this.#changed(moved, source.parent, target.parent);
  }

  async unlink(path: string): Promise<void> {
    const place = this.#place(path, 'unlink', false);
    if (!place.inode) throw errnoError('ENOENT', 'unlink', path);
    if (place.inode.kind === 'directory') throw errnoError('EISDIR', 'unlink', path);
    this.#unlinkFrom(place);
  }

  async removeTree(path: string): Promise<void> {
    if (split(path, 'rm').length === 0) throw errnoError('EINVAL', 'rm', path);
    let place: Place;
    try {
      place = this.#place(path, 'rm', false);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    if (place.inode) this.#unlinkFrom(place);
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#existing(path, 'chmod', true).mode = mode & 0o7777;
  }

  async chown(path: string, uid: number, gid: number): Promise<void> {
    const inode = this.#existing(path, 'lchown', false);
    inode.uid = uid;
    inode.gid = gid;
  }

  async statfs(path: string): Promise<Awaited<ReturnType<Files['statfs']>>> {
    this.#existing(path, 'statfs', true);
    const { totalBytes, totalInodes } = this.#capacity;
    return {
      totalBytes,
      availableBytes: Math.max(0, totalBytes - this.#usedBytes),
      totalInodes,
      freeInodes: Math.max(0, totalInodes - this.#inodes),
    };
  }

  async open(path: string): Promise<FileReader> {
    if (this.#existing(path, 'open', false).kind === 'symlink') throw errnoError('ELOOP', 'open', path);
    const file = this.#file(path, 'open');
    let closed = false;
    const check = (syscall: string): void => {
      if (closed) throw errnoError('EBADF', syscall, path);
    };
    return {
      async read(offset, length) {
        check('read');
        return Buffer.from(file.data.subarray(offset, offset + length));
      },
      async stat() {
        check('fstat');
        return statOf(file);
      },
      async close() {
        closed = true;
      },
    };
  }

  watch(path: string, onChange: () => void): { close(): void } {
    const inode = this.#existing(path, 'watch', true);
    const watchers = this.#watchers.get(inode) ?? new Set();
    this.#watchers.set(inode, watchers);
    // One entry per call, so that the same callback may watch twice.
    const entry = (): void => onChange();
    watchers.add(entry);
    return {
      close: () => {
        watchers.delete(entry);
        if (watchers.size === 0 && this.#watchers.get(inode) === watchers) this.#watchers.delete(inode);
      },
    };
  }

  #common(mode: number): Common {
    return { ino: ++this.#lastIno, mode, uid: 0, gid: 0, mtimeMs: this.#now() };
  }

  #newFile(data: string | Uint8Array, mode: number): RegularFile {
    return { ...this.#common(mode), kind: 'file', data: data.length === 0 ? empty : Buffer.from(data) };
  }

  #newDirectory(mode = 0o755): Directory {
    return { ...this.#common(mode), kind: 'directory', entries: new Map() };
  }

  #link(place: Place, inode: Inode): void {
    place.parent.entries.set(place.name, inode);
    place.parent.mtimeMs = this.#now();
    this.#inodes++;
    if (inode.kind === 'file') this.#usedBytes += inode.data.length;
    this.#changed(inode, place.parent);
  }

  #unlinkFrom(place: Place): void {
    if (!place.inode) return;
    place.parent.entries.delete(place.name);
    place.parent.mtimeMs = this.#now();
    this.#forget(place.inode);
    this.#changed(place.inode, place.parent);
  }

  /** Takes a subtree off the books. */
  #forget(inode: Inode): void {
    this.#inodes--;
    if (inode.kind === 'file') this.#usedBytes -= inode.data.length;
    if (inode.kind === 'directory') for (const child of inode.entries.values()) this.#forget(child);
  }

  #changed(...inodes: Inode[]): void {
    for (const inode of inodes) {
      for (const watcher of this.#watchers.get(inode) ?? []) {
        queueMicrotask(() => {
          if (this.#watchers.get(inode)?.has(watcher)) watcher();
        });
      }
    }
  }

  #statOrNothing(path: string, syscall: string, follow: boolean): FileStat | undefined {
    try {
      return statOf(this.#existing(path, syscall, follow));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #file(path: string, syscall: string): RegularFile {
    const inode = this.#existing(path, syscall, true);
    if (inode.kind !== 'file') throw errnoError('EISDIR', syscall, path);
    return inode;
  }

  #existing(path: string, syscall: string, follow: boolean): Inode {
    if (split(path, syscall).length === 0) return this.#root;
    const { inode } = this.#place(path, syscall, follow);
    if (!inode) throw errnoError('ENOENT', syscall, path);
    return inode;
  }

  /** Resolves every link on the way, and the last one too where `follow` is set. The folder must exist; the last name need not. */
  #place(path: string, syscall: string, follow: boolean): Place {
    const pending = split(path, syscall);
    const trail: { directory: Directory; name: string }[] = [];
    let directory = this.#root;
    let links = 0;
    for (;;) {
      const name = pending.shift();
      if (name === undefined) {
        // The path led back to a folder already passed (by ".." or a link to it).
        const last = trail.pop();
        if (!last) throw errnoError('EINVAL', syscall, path);
        return { parent: last.directory, name: last.name, path: pathOf(trail, last.name), inode: directory };
      }
      if (name === '..') {
        directory = trail.pop()?.directory ?? this.#root;
        continue;
      }
      const inode = directory.entries.get(name);
      if (inode?.kind === 'symlink' && (follow || pending.length > 0)) {
        if (++links > maxLinks) throw errnoError('ELOOP', syscall, path);
        if (inode.target.startsWith('/')) {
          directory = this.#root;
          trail.length = 0;
        }
        pending.unshift(...parts(inode.target));
        continue;
      }
      if (pending.length === 0) return { parent: directory, name, path: pathOf(trail, name), inode };
      if (!inode) throw errnoError('ENOENT', syscall, path);
      if (inode.kind !== 'directory') throw errnoError('ENOTDIR', syscall, path);
      trail.push({ directory, name });
      directory = inode;
    }
  }
}

const pathOf = (trail: readonly { name: string }[], name: string): string =>
  `/${[...trail.map((step) => step.name), name].join('/')}`;

const parts = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

function split(path: string, syscall: string): string[] {
  if (!path.startsWith('/')) throw errnoError('EINVAL', syscall, path);
  return parts(path);
}

/** Nothing is there, also when a step of the way is not a folder. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function statOf(inode: Inode): FileStat {
  const { kind, mode, uid, gid, mtimeMs, ino } = inode;
  const size = inode.kind === 'file' ? inode.data.length : inode.kind === 'symlink' ? inode.target.length : 4096;
  return { kind, mode, uid, gid, size, mtimeMs, ino, dev: 1 };
}
