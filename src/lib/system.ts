// The machine as a parameter: files, processes and mounts behind interfaces, implemented by host/ and faked in tests.

/** What lstat tells, in the units of stat(2). */
export interface FileStat {
  kind: 'file' | 'directory' | 'symlink' | 'socket' | 'block' | 'char' | 'fifo';
  mode: number;
  uid: number;
  gid: number;
  /** Bytes. */
  size: number;
  mtimeMs: number;
  ino: number;
  dev: number;
}

/** File operations on absolute paths. Errors are node's, with `code` ('ENOENT', …). */
export interface Files {
  readFile(path: string): Promise<Buffer>;
  /** Replaces the file whole: written beside it, synced, renamed. Default mode 0600. */
  writeFileAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  /** A new file gets exactly that mode, whatever the umask. Default 0600. */
  writeFile(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  /** Makes an empty file where there is nothing; what is there stays as it is. */
  createFile(path: string, mode: number): Promise<void>;
  mkdir(path: string, options?: { recursive?: boolean; mode?: number }): Promise<void>;
  mkdtemp(prefix: string): Promise<string>;
  readdir(path: string): Promise<string[]>;
  /** Never follows the last link. Undefined when there is nothing. */
  lstat(path: string): Promise<FileStat | undefined>;
  /** Follows links. Undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  readlink(path: string): Promise<string>;
  realpath(path: string): Promise<string>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /**
   * Removes a tree without following links, however deep it is. Where something is mounted at or below the path it rejects with
   * EBUSY, having touched nothing.
   */
  removeTree(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** lchown. */
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Bytes and inodes of the file system that holds the path. */
  statfs(
    path: string,
  ): Promise<{ totalBytes: number; availableBytes: number; totalInodes: number; freeInodes: number }>;
  /** Opens for reading at offsets (log following). A link in the file's place is refused (ELOOP); who wants a regular file asks `stat`. */
  open(path: string): Promise<FileReader>;
  /** Calls back on any change in the folder or file until closed (inotify); hints may be spurious or merged. */
  watch(path: string, onChange: () => void): { close(): void };
}

/** An open file, read by offset. */
export interface FileReader {
  read(offset: number, length: number): Promise<Buffer>;
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

/** Reads one folder and what is below it. No link leads out of it, whoever changes it meanwhile. */
export interface FolderReader {
  /** What is there by its path in parts: a folder's names (those of folders with a slash behind), or a regular file. Undefined for anything else. */
  look(parts: readonly string[]): Promise<{ entries: string[] } | { file: FileReader } | undefined>;
}

/** What a finished command left. */
export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs programs by argument vector, never through a shell. */
export interface Processes {
  /** Runs to the end. Rejects only when the program cannot be started or the time (ms) is up. */
  run(
    argv: readonly string[],
    options?: { input?: string | Uint8Array; timeoutMs?: number; env?: Record<string, string> },
  ): Promise<CommandResult>;
}

/** mount(2) and what hangs on it. */
export interface Mounts {
  /** Mount points under (and at) a folder, deepest first. */
  listUnder(path: string): Promise<string[]>;
  mountTmpfs(path: string, options: { sizeBytes?: number; mode?: number }): Promise<void>;
  /** A hugetlbfs of one page size, which the kernel must have. */
  mountHugePages(path: string, options: { pageBytes: number }): Promise<void>;
  bind(source: string, target: string, options?: { readOnly?: boolean; recursive?: boolean }): Promise<void>;
  /** Mounts one over the other at a folder, each with these options besides its own. */
  mountAll(
    path: string,
    layers: readonly { type: string; source: string; options: readonly string[] }[],
    options: readonly string[],
  ): Promise<void>;
  /** In the order given, by one call; what can be unmounted is, even where another cannot, for which it then rejects. */
  unmount(...paths: readonly string[]): Promise<void>;
}

/** Shows a path inside a folder that others write to at another place, without ever being led out of it. */
export interface SubPaths {
  /**
   * Binds `root`/`subPath` on `target`, which is created. A missing folder is made with the mode of `root`. Links inside are
   * followed only where they stay inside, and nothing that is swapped meanwhile is. Repeating it is a no-op while the same is shown.
   * Rejects for an absolute path, `..`, or one that leads outside.
   */
  bind(root: string, subPath: string, target: string): Promise<void>;
  /** Reads a file (at most 1 MiB) under the same rules; it must exist. */
  readFile(root: string, subPath: string): Promise<Buffer>;
}
