// Writes tar archives that come out byte for byte the same from the same input: given order, zero times, root as owner.

/** One entry. `path` has no leading slash. */
export type TarEntry =
  | { kind: 'file'; path: string; mode: number; data: Uint8Array; uid?: number; gid?: number }
  | { kind: 'directory'; path: string; mode: number; uid?: number; gid?: number }
  | { kind: 'symlink'; path: string; target: string };

const block = 512;
const typeFlags = { file: '0', directory: '5', symlink: '2' } as const;

/** Splits a long path into ustar's prefix (at most 155 bytes) and name (at most 100). */
function splitPath(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let cut = path.indexOf('/'); cut > 0; cut = path.indexOf('/', cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, name];
  }
  throw new Error(`path too long for a ustar archive: ${path}`);
}

function header(entry: TarEntry): Buffer {
  const out = Buffer.alloc(block);
  const [prefix, name] = splitPath(entry.kind === 'directory' ? `${entry.path}/` : entry.path);
  const octal = (value: number, offset: number, length: number): void => {
    out.write(value.toString(8).padStart(length - 1, '0'), offset);
  };
  out.write(name, 0);
  octal(entry.kind === 'symlink' ? 0o777 : entry.mode, 100, 8);
  octal(entry.kind === 'symlink' ? 0 : (entry.uid ?? 0), 108, 8);
  octal(entry.kind === 'symlink' ? 0 : (entry.gid ?? 0), 116, 8);
  octal(entry.kind === 'file' ? entry.data.length : 0, 124, 12);
  octal(0, 136, 12);
  out.write('        ', 148);
  out.write(typeFlags[entry.kind], 156);
  if (entry.kind === 'symlink') {
    if (Buffer.byteLength(entry.target) > 100)
      throw new Error(`link target too long for a ustar archive: ${entry.target}`);
    out.write(entry.target, 157);
  }
  out.write('ustar\x0000', 257, 'latin1');
  out.write(prefix, 345);
  const sum = out.reduce((total, byte) => total + byte, 0);
  out.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return out;
}

/** The archive of the entries, in their order. Throws where a path does not fit the format (255 bytes). */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(header(entry));
    if (entry.kind !== 'file') continue;
    parts.push(entry.data);
    const rest = entry.data.length % block;
    if (rest > 0) parts.push(Buffer.alloc(block - rest));
  }
  parts.push(Buffer.alloc(2 * block));
  return Buffer.concat(parts);
}
