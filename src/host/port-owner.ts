// Tells who listens on a TCP port, so that "port taken" can name the other process. Linux only; reads /proc.

import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Inodes of sockets that listen on that port, over IPv4 and IPv6. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try {
      text = readFileSync(table, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      // 0A is LISTEN.
      if (columns[3] === '0A' && columns[1]?.endsWith(`:${hex}`) && columns[9]) inodes.add(columns[9]);
    }
  }
  return inodes;
}

/** `1234 (nginx: master process)` for the process that listens on the port, or undefined when it cannot be found. */
export function portOwner(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`));
        if (!match?.[1] || !inodes.has(match[1])) continue;
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).join(' ');
        return `${pid} (${command.slice(0, 120)})`;
      }
    } catch {
      // The process ended, or is another user's.
    }
  }
  return undefined;
}
